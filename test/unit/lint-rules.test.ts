import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ROOT } from '../support/spawn-process'
import { removeDirectory, temporaryDirectory } from '../support/temp-directory'

/** Each file breaks the rule of its line, or none. A rule that cannot fail would let everything through unnoticed. */
const PLANTED: readonly [path: string, text: string, rule: string | undefined][] = [
  ['src/circle/one.ts', `import { two } from './two'\n\nexport const one = () => two\n`, 'noImportCycles'],
  ['src/circle/two.ts', `import { one } from './one'\n\nexport const two = () => one\n`, 'noImportCycles'],
  ['src/circle/t.ts', `import type { U } from './u'\n\nexport type T = U | string\n`, 'noImportCycles'],
  ['src/circle/u.ts', `import type { T } from './t'\n\nexport type U = T[]\n`, 'noImportCycles'],
  ['config/up.ts', `export { here } from '../src/here'\n`, 'noRestrictedImports'],
  ['src/capture/up.ts', `export { here } from '../../worker/here'\n`, 'noRestrictedImports'],
  ['src/a/b/c/up.ts', `export { here } from '../../../../cli/here'\n`, 'noRestrictedImports'],
  ['src/local.ts', `export { here } from '../local/here'\n`, 'noRestrictedImports'],
  ['src/lazy.ts', `export const load = () => import('../worker/here')\n`, 'noRestrictedImports'],
  ['src/aws.ts', `export { CloudWatchLogs } from '@aws-sdk/client-cloudwatch-logs'\n`, 'noRestrictedImports'],
  ['src/bull.ts', `export { Queue } from 'bullmq'\n`, 'noRestrictedImports'],
  ['worker/up.ts', `export { here } from '../cli/here'\n`, 'noRestrictedImports'],
  ['worker/local.ts', `export { here } from '../local/here'\n`, 'noRestrictedImports'],
  ['cli/test.ts', `export { here } from '../test/here'\n`, 'noRestrictedImports'],
  ['src/env.ts', `export const region = process.env.AWS_REGION\n`, 'noProcessEnv'],
  ['src/any.ts', `export const any = (value: any) => value\n`, 'noExplicitAny'],
  ['src/ignore.ts', `// @ts-ignore\nexport const one: string = 1\n`, 'noTsIgnore'],
  ['src/lost.ts', `async function push() {}\n\nexport function capture() {\n  push()\n}\n`, 'noFloatingPromises'],
  ['src/long.ts', `${'export {}\n'.repeat(301)}`, 'noExcessiveLinesPerFile'],
  ['test/skipped.test.ts', `import { test } from 'vitest'\n\ntest.skip('x', () => {})\n`, 'noSkippedTests'],
  ['test/only.test.ts', `import { test } from 'vitest'\n\ntest.only('x', () => {})\n`, 'noFocusedTests'],
  ['src/style.ts', `export const quoted = "double";\n`, 'format'],
  ['config/here.ts', `export const here = process.env.AWS_REGION\n`, undefined],
  ['src/here.ts', `export { here } from '../config/here'\n`, undefined],
  ['worker/here.ts', `export { here } from '../src/here'\n`, undefined],
  ['cli/here.ts', `export { here } from '../worker/here'\n`, undefined],
  ['local/here.ts', `export { here } from '../cli/here'\n`, undefined],
]

let directory: string
let found: { path: string; rule: string }[]

beforeAll(() => {
  directory = temporaryDirectory('lint')
  for (const file of ['biome.json', '.gitignore', 'tsconfig.json'])
    copyFileSync(join(ROOT, file), join(directory, file))
  for (const [path, text] of PLANTED) {
    mkdirSync(dirname(join(directory, path)), { recursive: true })
    writeFileSync(join(directory, path), text)
  }
  found = biomeFindings(directory)
})
afterAll(() => removeDirectory(directory))

test.each(PLANTED.filter(([, , rule]) => rule !== undefined))('%s is refused', (path, _text, rule) => {
  expect(found.filter((finding) => finding.path === path).map((finding) => finding.rule)).toContain(rule)
})

test.each(PLANTED.filter(([, , rule]) => rule === undefined))('%s is fine', (path) => {
  expect(found.filter((finding) => finding.path === path)).toEqual([])
})

/** What `npm run lint` would fail on: errors and warnings, by the last part of their category. */
function biomeFindings(cwd: string): { path: string; rule: string }[] {
  const args = ['check', '--reporter=github', '--diagnostic-level=warn', '--max-diagnostics=none', '.']
  let output: string
  try {
    output = execFileSync(join(ROOT, 'node_modules/.bin/biome'), args, { cwd, encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    output = (error as { stdout: string }).stdout
  }
  return [...output.matchAll(/^::\w+ title=([\w/]+),file=([^,]+)/gm)].map(([, category = '', path = '']) => ({
    path: relative(realpathSync(cwd), path),
    rule: category.split('/').at(-1) ?? '',
  }))
}
