// A server with the security monitoring that ends as its argument says, when it is asked for /: by an exception that
// nothing catches, or by a rejection that nobody handles. Needs dist/ and AUDIT_LOGGER_SPILL_DIRECTORY.
import { createServer } from 'node:http'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const { withAuditContext } = require('../../../dist/src/context/adapters/http.js')

const [how] = process.argv.slice(2)

async function handle() {
  if (how === 'rejection') throw new Error('nobody handles this')
  setTimeout(() => {
    throw new Error('nobody catches this')
  }, 1)
}

const server = createServer(withAuditContext(handle, { monitor: true, user: () => 7 }))
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
