import { vi } from 'vitest'
import { describeMigrations } from '../support/migrations-suite'

// Everything that imports TypeORM in this file, the package included, gets the older line.
vi.mock('typeorm', async () => await vi.importActual('typeorm-0.3'))
vi.mock('../../src/queue/producer', () => ({ createQueue: vi.fn() }))

describeMigrations()
