import { describe, expect, it } from 'vitest'
import { parseInsert } from '../../../src/capture/insert-statement'
import { controlsIn } from '../../../src/capture/statement'

const begin = { kind: 'begin', trusted: true }
const commit = { kind: 'commit', chain: false }
const rollback = { kind: 'rollback', chain: false }

describe('transaction control in a query', () => {
  it.each<[string, unknown]>([
    ['BEGIN', begin],
    ['begin', begin],
    ['BEGIN TRANSACTION', begin],
    ['BEGIN IMMEDIATE', begin],
    ['BEGIN ISOLATION LEVEL SERIALIZABLE;', begin],
    ['START TRANSACTION', begin],
    ['start  transaction read only', begin],
    ['\n  BEGIN', begin],
    ["/* route='/invoices' */ BEGIN", begin],
    ['-- from a migration\nBEGIN', begin],
    ["XA START 'x'", { kind: 'begin', trusted: false }],
    ['COMMIT', commit],
    ['COMMIT;', commit],
    ['commit work', commit],
    ['END', commit],
    ['END TRANSACTION', commit],
    ['COMMIT AND CHAIN', { kind: 'commit', chain: true }],
    ['COMMIT AND NO CHAIN', commit],
    ["XA COMMIT 'x' ONE PHASE", commit],
    ['ROLLBACK', rollback],
    ['ABORT', rollback],
    ['ROLLBACK WORK AND CHAIN', { kind: 'rollback', chain: true }],
    ["XA ROLLBACK 'x'", rollback],
    ['SAVEPOINT typeorm_1', { kind: 'savepoint', name: 'typeorm_1' }],
    ['SAVEPOINT "Before Import"', { kind: 'savepoint', name: 'before import' }],
    ['savepoint `s`', { kind: 'savepoint', name: 's' }],
    ['RELEASE SAVEPOINT typeorm_1', { kind: 'release', name: 'typeorm_1' }],
    ['RELEASE s;', { kind: 'release', name: 's' }],
    ['ROLLBACK TO SAVEPOINT typeorm_1', { kind: 'rollbackTo', name: 'typeorm_1' }],
    ['ROLLBACK TO s', { kind: 'rollbackTo', name: 's' }],
    ['ROLLBACK WORK TO SAVEPOINT S', { kind: 'rollbackTo', name: 's' }],
    ['ROLLBACK TRANSACTION TO s', { kind: 'rollbackTo', name: 's' }],
    ["PREPARE TRANSACTION 'x'", { kind: 'prepare' }],
  ])('%j', (query, control) => {
    expect(controlsIn(query)).toEqual([control])
  })

  it('of a function is none', () => {
    const body = 'CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; END'
    expect(controlsIn(body)).toEqual([])
    expect(controlsIn(`/* migration */ ${body}`)).toEqual([])
  })

  it.each([
    '',
    ';',
    'SELECT 1',
    'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE',
    'INSERT INTO "begin" VALUES (1)',
    'UPDATE "commit" SET "rollback" = 1',
    'REPLACE INTO t VALUES (1)',
    'REINDEX t',
    'CREATE TABLE t (id int)',
    'CALL commit_all()',
    'EXPLAIN SELECT 1',
    'ALTER TABLE t ADD c int',
    'ANALYZE',
    'PREPARE statement AS SELECT 1',
    'PRAGMA foreign_keys = ON',
    'START REPLICA',
    'BEGINNING',
    'COMMITTED',
    'SAVEPOINT',
    "COMMIT PREPARED 'x'",
    "ROLLBACK PREPARED 'x'",
    'BEGIN NOT ATOMIC SELECT 1; COMMIT_COUNT; ',
    '(SELECT 1)',
    "INSERT INTO t VALUES ('; COMMIT; ')",
    'INSERT INTO "; COMMIT" VALUES (1)',
    'DO $$ BEGIN; COMMIT; END $$',
    'DO $x$ BEGIN; ROLLBACK; END $x$;',
    'SELECT 1 -- ; COMMIT\n, 2',
    'SELECT 1 /* ; COMMIT; */, 2',
  ])('none in %j', (query) => {
    expect(controlsIn(query).filter((control) => control !== undefined)).toEqual([])
  })

  it('is told statement by statement', () => {
    expect(controlsIn("BEGIN; SET LOCAL app.user = 'a;b'; SAVEPOINT s;")).toEqual([
      begin,
      undefined,
      { kind: 'savepoint', name: 's' },
    ])
    expect(controlsIn('UPDATE t SET a = 1; COMMIT')).toEqual([undefined, commit])
  })

  it('stays cheap for a large query', () => {
    const query = `INSERT INTO t VALUES ${"('x; y', 1), ".repeat(20_000)}('z', 2)`
    const start = performance.now()
    expect(controlsIn(query)).toEqual([])
    expect(performance.now() - start).toBeLessThan(500)
  })
})

describe('reading an INSERT of TypeORM', () => {
  it('gives what stands in the place of each column, row by row', () => {
    const text = `INSERT INTO "invoice"("id", "total", "at") VALUES (NULL, ?, datetime('now')), (DEFAULT, $2, coalesce(?, ')'))`
    expect(parseInsert(`${text} RETURNING "id", "at"`)).toEqual({
      columns: ['"id"', '"total"', '"at"'],
      rows: [
        ['NULL', '?', "datetime('now')"],
        ['DEFAULT', '$2', "coalesce(?, ')')"],
      ],
    })
  })

  it.each([
    'INSERT INTO t SELECT * FROM u',
    'INSERT INTO t DEFAULT VALUES',
    'INSERT INTO t(a, b) VALUES (1)',
    "INSERT INTO t(a) VALUES ('unfinished",
    'UPDATE t SET a = 1',
    '',
  ])('reads nothing into %j', (text) => {
    expect(parseInsert(text)).toBeUndefined()
  })
})
