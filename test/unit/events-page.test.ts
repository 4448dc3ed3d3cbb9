import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ROOT } from '../support/spawn-process'

/** Actions as the sources write them: in the types, and where an event is made. */
const DECLARED = /^\s+\| '([A-Z]+_[A-Z_]+)'$|LifecycleAction = (.*)$/gm
const MADE = /(?:action: |sendLog\(|record\(|ACTION = )[`']([A-Z]+_[A-Z_]+)/g

function sources(): string[] {
  return ['src', 'worker'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(join(ROOT, folder, name), 'utf8'))
      // Examples in docstrings have names of the application's own.
      .map((text) => text.replaceAll(/^\s*\*.*$/gm, '')),
  )
}

describe('docs/events.md', () => {
  it('names every action that this package makes', () => {
    const texts = sources()
    const made = texts.flatMap((text) => [...text.matchAll(MADE)].map(([, action]) => action))
    const declared = texts.flatMap((text) =>
      [...text.matchAll(DECLARED)].flatMap(([, action, union = '']) => [
        action,
        ...(union.match(/[A-Z]+_[A-Z_]+/g) ?? []),
      ]),
    )
    const actions = new Set([...made, ...declared].filter((action) => action !== undefined))
    // Asked of the recorder, and never delivered.
    actions.delete('AUDIT_PRESENT')
    expect([...actions]).toEqual(expect.arrayContaining(['OBJ_CREATE', 'DB_MIGRATED', 'AUDIT_STARTED', 'REQUEST_SLOW']))
    const page = readFileSync(join(ROOT, 'docs/events.md'), 'utf8')
    const catalogue = page.slice(page.indexOf('## All events'), page.indexOf('## Your own events'))
    expect([...actions].filter((action) => !catalogue.includes(`\`${action}\``))).toEqual([])
  })
})
