import { vi } from 'vitest'
import './capture-mysql-locks.test'

// Everything that imports TypeORM in this file, the package included, gets the older line.
vi.mock('typeorm', async () => await vi.importActual('typeorm-0.3'))
