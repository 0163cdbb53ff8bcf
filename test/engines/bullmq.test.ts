import { describe, it } from 'vitest'
import { bullmqEngine } from '../../src/engines/bullmq.ts'
import { engineContract } from '../../src/testing/index.ts'
import { flushPrefix, freshPrefix, redisMissing, redisUrl } from '../support/redis.ts'
import { startRelay } from '../support/relay.ts'

const missing = await redisMissing()

describe.skipIf(missing !== undefined)('the BullMQ engine', () => {
  const cases = engineContract({
    shared: true,
    async open({ sweepMs }) {
      const prefix = freshPrefix()
      const relay = await startRelay(Number(new URL(redisUrl).port))
      return {
        engine: () => bullmqEngine({ connection: { host: '127.0.0.1', port: relay.port }, prefix, sweepMs }),
        lose: () => flushPrefix(prefix),
        async cut() {
          relay.cut()
          return async () => relay.mend()
        },
        async close() {
          await relay.close()
          await flushPrefix(prefix)
        },
      }
    },
  })
  for (const { name, skip, run } of cases) {
    if (skip === undefined) it(name, run, 60_000)
    else it.skip(`${name} (${skip})`)
  }
})
