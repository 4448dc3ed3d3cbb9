import { vi } from 'vitest'
import { describeMigrations } from '../support/migrations-suite'

vi.mock('../../src/queue/producer', () => ({ createQueue: vi.fn() }))

describeMigrations()
