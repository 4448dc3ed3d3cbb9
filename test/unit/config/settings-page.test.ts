import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { RETENTION_DAYS } from '../../../config/retention'
import { isSettingPath, SETTINGS_TABLE, settingRow } from '../../../config/table'

const page = readFileSync(join(__dirname, '../../../docs/settings.md'), 'utf8')

describe('docs/settings.md', () => {
  it.each(Object.keys(SETTINGS_TABLE))('describes %s with each variable it is read from', (path) => {
    const [option, part] = path.split('.')
    expect(page).toContain(part ?? `\`${option}\``)
    const variables = isSettingPath(path) ? settingRow(path).variables : []
    // The second spelling is described once, for all of them.
    for (const variable of variables.filter((name) => !name.startsWith('AUDIT_LOG_'))) {
      expect(page).toContain(`\`${variable}\``)
    }
  })

  it('lists the retention periods', () => {
    expect(page).toContain(RETENTION_DAYS.join(', '))
  })

  it('names no variable that is not read', () => {
    const read = new Set(
      Object.keys(SETTINGS_TABLE)
        .filter(isSettingPath)
        .flatMap((path) => settingRow(path).variables),
    )
    for (const [variable] of page.matchAll(/AUDIT_LOG(GER)?_[A-Z][A-Z_]*[A-Z]/g)) expect(read).toContain(variable)
  })
})
