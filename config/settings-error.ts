import { AuditError } from './errors'
import { describeProblem, type SettingProblem } from './problem'

const LISTED = 30

/**
 * The settings cannot be used. One error names everything that is wrong, so that one run is enough to correct it all.
 *
 * @example
 * catch (error) {
 *   if (error instanceof AuditSettingsError) for (const { variable, option, given } of error.problems) …
 * }
 */
export class AuditSettingsError extends AuditError {
  readonly problems: readonly SettingProblem[]

  constructor(problems: readonly SettingProblem[]) {
    super('AUDIT_SETTINGS_INVALID', { problems: listing(problems) })
    this.name = 'AuditSettingsError'
    this.problems = Object.freeze([...problems])
    // The message and `problems` say it all; a third copy would bury them on a crash screen.
    Object.defineProperty(this, 'details', { enumerable: false })
  }
}

/** One line a problem; the rest is counted, so that an options object of a million wrong names is still a short message. */
function listing(problems: readonly SettingProblem[]): string {
  const lines = problems.slice(0, LISTED).map((problem, index) => `  ${index + 1}. ${describeProblem(problem)}`)
  if (problems.length > LISTED) lines.push(`  … and ${problems.length - LISTED} more.`)
  return `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}.\n${lines.join('\n')}\n `
}
