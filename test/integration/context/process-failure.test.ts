import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { build } from '../../support/shared'
import { spawnNode } from '../../support/spawn-process'
import { removeDirectory, temporaryDirectory } from '../../support/temp-directory'

it.each([
  ['exception', 'uncaughtException', 'Error: nobody catches this'],
  ['rejection', 'unhandledRejection', 'Error: nobody handles this'],
])(
  'what ends the process is recorded, and ends it all the same: %s',
  { timeout: 120_000 },
  async (how, origin, reason) => {
    await build()
    const directory = temporaryDirectory('failing')
    try {
      const env = { AUDIT_LOGGER_SPILL_DIRECTORY: directory, AUDIT_LOGGER_REDIS_URL: 'redis://127.0.0.1:1' }
      const server = spawnNode('test/support/programs/failing-server.mjs', [how], { env })
      const port = await server.waitForLine(/^\d+$/)
      await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow()
      expect((await server.waitForExit()).code, server.output).not.toBe(0)
      const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
      const spilled = files.map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'utf8')).join('\n')
      expect(spilled.split('UNHANDLED_EXCEPTION')).toHaveLength(2)
      expect(spilled).toContain(JSON.stringify(reason))
      expect(spilled).toContain(`"origin":"${origin}"`)
    } finally {
      removeDirectory(directory)
    }
  },
)
