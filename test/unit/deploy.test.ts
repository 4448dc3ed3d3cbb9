import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from '../support/spawn-process'

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

interface Statement {
  Sid: string
  Effect: string
  Action: string[]
  Resource: string | string[]
}
const policy = JSON.parse(read('deploy/iam-policy.json')) as { Version: string; Statement: Statement[] }

/** `new PutLogEventsCommand(…)` needs the permission `logs:PutLogEvents`. */
function actionsCalledBy(folder: string): string[] {
  const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.ts'))
  const names = files.flatMap((file) => [...read(join(folder, file)).matchAll(/new ([A-Z]\w+)Command\(/g)])
  return [...new Set(names.map(([, name]) => `logs:${name}`))].sort()
}

test('the policy allows exactly what the worker and its commands call, and nothing twice', () => {
  const called = [...new Set([...actionsCalledBy('worker'), ...actionsCalledBy('cli')])].sort()
  expect(called).toContain('logs:PutLogEvents')
  expect(policy.Statement.flatMap(({ Action }) => Action).sort()).toEqual(called)
})

test('what a worker needs once group and stream exist is its one required statement', () => {
  const required = policy.Statement.filter(({ Sid }) => Sid.startsWith('Required')).flatMap(({ Action }) => Action)
  expect(required.sort()).toEqual(['logs:GetLogEvents', 'logs:PutLogEvents'])
  const rest = policy.Statement.filter(({ Sid }) => !Sid.startsWith('Required'))
  expect(rest.filter(({ Sid }) => !Sid.startsWith('Optional'))).toEqual([])
})

test('the policy is in a form that AWS accepts, and reaches no further than one group wherever that is possible', () => {
  expect(policy.Version).toBe('2012-10-17')
  for (const { Sid, Effect, Action, Resource } of policy.Statement) {
    expect(Sid).toMatch(/^[A-Za-z0-9]+$/)
    expect(Effect).toBe('Allow')
    expect(Action.filter((action) => action.includes('*'))).toEqual([])
    for (const arn of [Resource].flat()) {
      const anyGroup = Action.length === 1 && Action[0] === 'logs:DescribeLogGroups'
      expect(arn).toMatch(anyGroup ? /:log-group:\*$/ : /:log-group:GROUP_NAME(:\*|:log-stream:STREAM_NAME)?$/)
    }
  }
})

test('the image runs the audit-logger command as a user that is not root', () => {
  const lines = read('Dockerfile').split('\n')
  const stage = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')))
  const user = stage.indexOf('USER node')
  expect(user).toBeGreaterThan(0)
  expect(stage.findIndex((line) => line.startsWith('ENTRYPOINT'))).toBeGreaterThan(user)
  const { bin } = JSON.parse(read('package.json')) as { bin: Record<string, string> }
  expect(stage).toContain(`ENTRYPOINT ["node", "${bin['audit-logger']}"]`)
  expect(stage.at(-2)).toBe('CMD ["worker"]')
})

test('everything the image copies from the repository is let through by .dockerignore', () => {
  const copied = read('Dockerfile')
    .split('\n')
    .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
    .flatMap((line) => line.split(' ').slice(1, -1))
  expect(copied.length).toBeGreaterThan(0)
  const allowed = read('.dockerignore').split('\n')
  expect(copied.filter((path) => !allowed.includes(`!${path}`))).toEqual([])
})

test("the compose file's Redis writes events to disk and never evicts them, and is not open to the network", () => {
  const compose = read('compose.yaml')
  expect(compose).toContain('"--appendonly", "yes", "--maxmemory-policy", "noeviction"')
  expect(compose).toContain("'127.0.0.1:6379:6379'")
})

test('the compose file sets only variables that the settings know', () => {
  const variables = [...read('compose.yaml').matchAll(/^ {6}([A-Z_]+): /gm)].map(([, name = '']) => name)
  expect(variables).toContain('AUDIT_LOGGER_GROUP_NAME')
  const page = read('docs/settings.md')
  expect(variables.filter((name) => !page.includes(`\`${name}\``))).toEqual([])
})
