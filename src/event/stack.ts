import { dirname, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** This package's own code, compiled or as source: what the application did begins above it. */
const OWN = dirname(__dirname)
const FRAME = /^\s*at (?:async )?(?:(.+?) \()?(.+?):(\d+):\d+\)?$/
const MOST = 20

/** Where in the application an event was captured, innermost first: `"src/invoices.ts:41 Invoices.pay"`. */
export function callStack(): string[] {
  const limit = Error.stackTraceLimit
  // TypeORM alone fills the usual ten frames.
  Error.stackTraceLimit = 60
  const { stack = '' } = new Error()
  Error.stackTraceLimit = limit
  return stack
    .split('\n')
    .map(frame)
    .filter((text) => text !== undefined)
    .slice(0, MOST)
}

function frame(line: string): string | undefined {
  const [, name = '<anonymous>', location, lineNumber] = FRAME.exec(line) ?? []
  if (location === undefined || location.startsWith('node:')) return undefined
  const file = location.startsWith('file:') ? fileURLToPath(location) : location
  if (file.startsWith(OWN) || file.includes('node_modules')) return undefined
  return `${relative(process.cwd(), file)}:${lineNumber} ${name}`
}
