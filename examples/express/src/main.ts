import type { AddressInfo } from 'node:net'
import { close } from 'typeorm-audit-logger'
import { createApp } from './app'
import { dataSource, openDatabase } from './database'

async function main(): Promise<void> {
  await openDatabase()
  const server = createApp().listen(Number(process.env.PORT ?? 3000), '127.0.0.1', (error?: Error) => {
    if (error) throw error
    console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  })

  const shutDown = () => {
    // First the requests, then the events they caused, then the database.
    server.close(async () => {
      await close()
      await dataSource.destroy()
      console.log('ended, with every event on the pending list')
    })
    server.closeIdleConnections()
  }
  process.once('SIGTERM', shutDown)
  process.once('SIGINT', shutDown)
}

void main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
