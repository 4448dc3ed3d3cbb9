import { vi } from 'vitest'
import { describeProperty } from '../support/matrix/property'

// Everything that imports TypeORM in this file, the package included, gets the older line.
vi.mock('typeorm', async () => await vi.importActual('typeorm-0.3'))

describeProperty('0.3')
