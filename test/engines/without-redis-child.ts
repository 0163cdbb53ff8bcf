/** A worker of `bullmq.test.ts` that is told to stop when its Redis is gone. */
import { bullmqEngine } from '../../src/engines/bullmq.ts'

const { port, prefix } = JSON.parse(process.argv[2] ?? '')
const engine = bullmqEngine({ connection: { host: '127.0.0.1', port }, prefix })
await engine.start({ work: async () => ({ nextAt: null }), attempt: async (left) => ({ left }) })
await engine.schedule([{ deliveryId: 'a', dueAt: 0 }])
process.once('message', async () => {
  void engine.schedule([{ deliveryId: 'b', dueAt: 0 }])
  await engine.stop()
  // from here on nothing may keep the process alive
  process.disconnect()
})
process.send?.('ready')
