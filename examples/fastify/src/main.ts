import { close } from 'typeorm-audit-logger'
import { createApp } from './app'
import { dataSource, openDatabase } from './database'

async function main(): Promise<void> {
  await openDatabase()
  const app = await createApp()
  console.log(`listening on ${await app.listen({ port: Number(process.env.PORT ?? 3000), host: '127.0.0.1' })}`)

  const shutDown = async () => {
    // First the requests, then the events they caused, then the database.
    await app.close()
    await close()
    await dataSource.destroy()
    console.log('ended, with every event on the pending list')
  }
  process.once('SIGTERM', () => void shutDown())
  process.once('SIGINT', () => void shutDown())
}

void main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
