import { fetchHttp, isHttpError, undiciHttp } from '../../../src/http/index.ts'

/** Runs in a process of its own, so that its memory is that of the ports alone. */

export interface FaultJob {
  readonly url: string
  readonly bytes: number
  readonly deadlineMs: number
}

export interface FaultReport {
  /** In the order of the jobs, first those of `undiciHttp`: a code, or `answered`. */
  readonly results: readonly string[]
  readonly grewBytes: number
  readonly unhandled: readonly string[]
}

const unhandled: string[] = []
process.on('unhandledRejection', (reason) => unhandled.push(String(reason)))
process.on('uncaughtException', (error) => unhandled.push(String(error)))
process.once('message', async ({ jobs, ca }: { jobs: readonly FaultJob[]; ca: string }) => {
  const results: string[] = []
  const bodies = new Map<number, Uint8Array>()
  let before = 0
  // The first round loads code and fills caches.
  for (const round of [1, 2]) {
    before = round === 1 ? 0 : await residentBytes()
    results.length = 0
    for (const make of [undiciHttp, fetchHttp]) {
      const http = make({
        allow: [{ cidr: '127.0.0.0/8', plainHttp: true }],
        lookup: async () => [{ address: '127.0.0.1', family: 4 }],
        ca,
      })
      const send = async ({ url, bytes, deadlineMs }: FaultJob): Promise<string> => {
        const body = bodies.get(bytes) ?? new Uint8Array(bytes)
        bodies.set(bytes, body)
        try {
          await http.request({ method: 'POST', url, headers: {}, body, deadlineAt: Date.now() + deadlineMs })
          return 'answered'
        } catch (error) {
          return isHttpError(error) ? error.code : String(error)
        }
      }
      const queue = [...jobs.entries()]
      const found: string[] = []
      const worker = async (): Promise<void> => {
        for (let job = queue.shift(); job !== undefined; job = queue.shift()) found[job[0]] = await send(job[1])
      }
      await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(worker))
      results.push(...found)
      await http.close()
    }
  }
  const report: FaultReport = { results, grewBytes: (await residentBytes()) - before, unhandled }
  process.send?.(report, () => process.exit())
})

/** Garbage apart, and once the allocator has given pages back. */
async function residentBytes(): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < 5; i++) {
    globalThis.gc?.()
    await new Promise((resolve) => setTimeout(resolve, 50))
    least = Math.min(least, process.memoryUsage.rss())
  }
  return least
}
