import type { LocalCloudWatch } from '../../../local/cloudwatch'
import { type Plan, REFUSED_MARK } from './plan'

/** CloudWatch fails as the plan says. */
export function storm({ faults }: LocalCloudWatch, plan: Plan): void {
  const seed = plan.seed
  const of = (kinds: Plan['puts']['kinds']) => kinds.map((kind) => ({ kind }))
  if (plan.readingDenied) faults.always('GetLogEvents', { kind: 'accessDenied' })
  if (plan.puts.kinds.length > 0)
    faults.random({ seed, probability: plan.puts.probability, faults: of(plan.puts.kinds) })
  if (plan.reads.kinds.length > 0) {
    const operations = ['GetLogEvents', 'FilterLogEvents'] as const
    faults.random({ seed, probability: plan.reads.probability, faults: of(plan.reads.kinds), operations })
  }
  if (plan.creates.kinds.length > 0) {
    const operations = ['CreateLogGroup', 'CreateLogStream', 'PutRetentionPolicy'] as const
    faults.random({ seed, probability: plan.creates.probability, faults: of(plan.creates.kinds), operations })
  }
  refuseMarked(faults)
}

/** CloudWatch works, but for what it never takes and never permits. */
export function calm({ faults }: LocalCloudWatch, plan: Plan): void {
  faults.clear()
  if (plan.readingDenied) faults.always('GetLogEvents', { kind: 'accessDenied' })
  refuseMarked(faults)
}

function refuseMarked(faults: LocalCloudWatch['faults']): void {
  const isRefused = ({ body }: { body: unknown }) => {
    const { logEvents } = body as { logEvents?: { message?: string }[] }
    return logEvents?.some(({ message }) => message?.includes(REFUSED_MARK)) ?? false
  }
  faults.when('PutLogEvents', isRefused, { kind: 'error', name: 'InvalidParameterException' })
}
