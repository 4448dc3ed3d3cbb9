import { type AuditLoggerOptions, AuditSettingsError, type Environment, loadSettings } from '../../../config/settings'

/** The error that loading these settings ends with. */
export function settingsError(load: () => unknown): AuditSettingsError {
  try {
    load()
  } catch (error) {
    if (error instanceof AuditSettingsError) return error
    throw error
  }
  throw new Error('The settings were accepted')
}

/** The one problem of these settings. */
export function onlyProblem(options: AuditLoggerOptions | undefined, environment: Environment = {}) {
  const { problems } = settingsError(() => loadSettings(options, environment))
  if (problems.length !== 1) throw new Error(`${problems.length} problems: ${JSON.stringify(problems)}`)
  const [problem] = problems
  if (!problem) throw new Error('No problem')
  return problem
}

/** What a caller without a type checker may pass. */
export function untyped(options: unknown): AuditLoggerOptions {
  return options as AuditLoggerOptions
}
