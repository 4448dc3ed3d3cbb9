import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from '../support/spawn-process'

const page = readFileSync(join(ROOT, 'docs/dependencies.md'), 'utf8')
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<string, Record<string, string>>

test.each([
  ['What an application installs with it', 'dependencies'],
  ['What you bring (peer dependencies)', 'peerDependencies'],
  ['For development', 'devDependencies'],
])('"%s" names exactly the %s', (title, field) => {
  const section = page.split('\n## ').find((text) => text.startsWith(title)) ?? ''
  const rows = section.split('\n').filter((line) => line.startsWith('| `'))
  const named = rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name))
  expect(named.sort()).toEqual(Object.keys(manifest[field] ?? {}).sort())
  expect(rows.filter((row) => (row.split('|')[2] ?? '').trim().length < 20)).toEqual([])
})

test('the lock file holds every optional package that it mentions, or npm ci refuses it', () => {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version?: string; optionalDependencies?: Record<string, string> }>
  }
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !packages[`node_modules/${name}`]?.version && !packages[`${path}/node_modules/${name}`]?.version,
    ),
  )
  expect(missing).toEqual([])
})
