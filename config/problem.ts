import { AuditError } from './errors'
import { nearestName } from './nearest'
import { cut, showGiven } from './redact'
import { isSettingPath, SETTINGS_TABLE, type SettingPath, settingRow } from './table'

/** One thing that is wrong with one setting. */
export interface SettingProblem {
  readonly code: 'AUDIT_SETTING_INVALID' | 'AUDIT_SETTING_MISSING' | 'AUDIT_SETTING_UNKNOWN'
  /** The variable that was read, or the one to set; absent when the value came from code. */
  readonly variable?: string
  /** The option in code, such as `groupName` or `credentials.accessKeyId`. */
  readonly option: string
  /** What was given, cut when long and `***` where it is secret. */
  readonly given: string
  readonly accepted: string
}

/** A setting that is there but cannot be used. */
export function invalid(path: SettingPath, given: unknown, variable?: string): SettingProblem {
  const { accepted, secret } = settingRow(path)
  return problem('AUDIT_SETTING_INVALID', path, showGiven(given, secret), accepted, variable)
}

/** A setting that must be there and is not. */
export function missing(path: SettingPath, variable?: string): SettingProblem {
  return problem('AUDIT_SETTING_MISSING', path, 'nothing', settingRow(path).accepted, variable)
}

/** A name that is no option. Its value is not shown: under a wrong name it may be a secret. */
export function unknown(name: string, inside?: string): SettingProblem {
  const known = siblings(inside)
  const nearest = nearestName(name, known)
  const accepted = nearest ? `${nearest} (probably meant)` : known.join(', ')
  const option = cut(JSON.stringify(inside ? `${inside}.${name}` : name).slice(1, -1))
  return problem('AUDIT_SETTING_UNKNOWN', option, 'a name that is no option', accepted)
}

/** `AUDIT_SETTING_INVALID: LOG_INTERVAL (option logInterval) is "soon". Accepted: minutes, …` */
export function describeProblem({ code, variable, option, given, accepted }: SettingProblem): string {
  const setting = variable ? `${variable} (option ${option})` : `option ${option}`
  return new AuditError(code, { setting, given, accepted }).message
}

function problem(
  code: SettingProblem['code'],
  option: string,
  given: string,
  accepted: string,
  variable?: string,
): SettingProblem {
  return Object.freeze({ code, ...(variable === undefined ? {} : { variable }), option, given, accepted })
}

function siblings(inside: string | undefined): readonly string[] {
  const paths = Object.keys(SETTINGS_TABLE).filter(isSettingPath)
  if (!inside) return paths.filter((path) => !path.includes('.'))
  return paths.filter((path) => path.startsWith(`${inside}.`)).map((path) => path.slice(inside.length + 1))
}
