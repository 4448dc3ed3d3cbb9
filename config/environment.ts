import { isSettingPath, SETTINGS_TABLE, type SettingPath, settingRow } from './table'

export type Environment = Readonly<Record<string, string | undefined>>

/** What one variable said. The value is unknown because only process.env promises strings. */
export interface EnvironmentValue {
  readonly variable: string
  readonly value: unknown
}

/**
 * Reads the variables of the settings table, and nothing else reads them.
 *
 * A variable that is empty or blank counts as absent: `AUDIT_LOGGER_REGION=` in a compose file means “not set”, and
 * must not hide `AWS_REGION`.
 */
export function readEnvironment(environment: Environment = process.env): ReadonlyMap<SettingPath, EnvironmentValue> {
  const found = new Map<SettingPath, EnvironmentValue>()
  for (const path of Object.keys(SETTINGS_TABLE).filter(isSettingPath)) {
    const value = firstSet(environment, settingRow(path).variables)
    if (value) found.set(path, value)
  }
  return found
}

function firstSet(environment: Environment, variables: readonly string[]): EnvironmentValue | undefined {
  for (const variable of variables) {
    // Own properties only: an inherited one was not set by whoever started the process.
    const raw: unknown = Object.hasOwn(environment, variable) ? environment[variable] : undefined
    const value = typeof raw === 'string' ? raw.trim() : raw
    if (value !== undefined && value !== null && value !== '') return { variable, value }
  }
  return undefined
}
