/** One worker of `several-workers.test.ts`, a process of its own. */
import { openDispatcher, type Report, type WorkerOptions } from './worker-settings.ts'

const options: WorkerOptions = JSON.parse(process.argv[2] ?? '')
const report = (message: Report): void => void process.send?.(message)
const { dispatcher, close } = openDispatcher(options)
let delivered = 0
dispatcher.on('delivery.delivered', () => {
  delivered++
})
await dispatcher.start()
process.on('message', async () => {
  await close()
  report({ kind: 'closed', delivered })
  process.disconnect()
})
// nobody is left who would end this process
process.on('disconnect', () => process.exit(0))
report({ kind: 'ready' })
