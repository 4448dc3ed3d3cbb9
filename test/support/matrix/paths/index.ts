import { DELETES } from './delete'
import { INSERTS } from './insert'
import type { WritePath } from './path'
import { RELATIONS, TREES } from './relations'
import { SAVES } from './save'
import { TRANSACTIONS } from './transactions'
import { UPDATES } from './update'

export { seed } from './seed'

/** The table that the matrix is generated from: every way to write through TypeORM. */
export const PATHS: readonly WritePath[] = [
  ...SAVES,
  ...INSERTS,
  ...UPDATES,
  ...DELETES,
  ...RELATIONS,
  ...TREES,
  ...TRANSACTIONS,
]
