import { vi } from 'vitest'
import { describeMatrix } from '../support/matrix/suite'

// Everything that imports TypeORM in this file, the package included, gets the older line.
vi.mock('typeorm', async () => await vi.importActual('typeorm-0.3'))

describeMatrix('0.3')
