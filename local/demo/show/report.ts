import type { AuditEvent } from '../../../src/event/event'
import type { DemoResult } from '../demo'
import { isRight } from '../verdict'
import type { Style } from './style'
import { eventTable } from './table'

/** What a person sees at the end. */
export function report({ verdict, lines, absent, group, stream }: DemoResult, style: Style, columns?: number): string {
  const events = lines.map((line) => JSON.parse(line) as AuditEvent)
  const { accepted, stored, missing, extra } = verdict
  const right = isRight(verdict)
  const sign = right ? style('green', '✓') : style('red', '✗')
  return [
    '',
    style('bold', `What CloudWatch Logs holds now: group ${group}, stream ${stream}`),
    '',
    eventTable(events, style, columns),
    '',
    `${sign} accepted ${accepted} ${accepted === stored ? '=' : '≠'} stored ${stored}, missing ${missing.length}, extra ${extra.length}`,
    ...missing.map((text) => style('red', `  missing  ${text}`)),
    ...extra.map((text) => style('red', `  extra    ${text}`)),
    '',
    style('bold', 'Rightly absent'),
    ...absent.map(({ what, found }) =>
      found ? style('red', `  ✗ ${what} IS STORED`) : `  ${style('green', '✓')} ${what}`,
    ),
    '',
    style('bold', 'The same with your application and your AWS account'),
    ...REAL.map(([command, why]) => `  ${style('cyan', command.padEnd(62))}${style('dim', why)}`),
    `  Permissions: deploy/iam-policy.json. Step by step: docs/getting-started.md`,
    '',
  ].join('\n')
}

const REAL = [
  ['npm install typeorm-audit-logger bullmq @aws-sdk/client-cloudwatch-logs', ''],
  ['export AUDIT_LOGGER_REGION=eu-central-1', 'where'],
  ['export AUDIT_LOGGER_GROUP_NAME=/shop/audit', 'created if it is missing'],
  ['export AUDIT_LOGGER_STREAM_NAME=production', 'created if it is missing'],
  ['export AUDIT_LOGGER_REDIS_URL=redis://127.0.0.1:6379', 'the same for application and worker'],
  ['export AWS_PROFILE=shop', 'or any other way the AWS SDK finds credentials'],
  ['npx audit-logger check', 'tries everything and changes nothing'],
  ['npx audit-logger worker', 'ships every LOG_INTERVAL minutes (5)'],
] as const
