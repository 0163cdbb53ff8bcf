/** A receiver in a process of its own: what it costs is not counted with the sender. */
import { fork } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'

export interface Receiver {
  /** `http://127.0.0.1:port` */
  readonly origin: string
  /** How long, in ms, from `metadata.sentAt` of each body until it came to `/timed`; begins anew. */
  latencies(): Promise<readonly number[]>
  close(): void
}

/** `/hang` never answers, `/fail` answers 500, everything else 200 at once. */
export async function startReceiver(): Promise<Receiver> {
  const child = fork(fileURLToPath(import.meta.url), ['receive'])
  const port = await new Promise<number>((resolve) => child.once('message', (message) => resolve(Number(message))))
  return {
    origin: `http://127.0.0.1:${port}`,
    latencies: () =>
      new Promise((resolve) => {
        child.once('message', (latencies: readonly number[]) => resolve(latencies))
        child.send('latencies')
      }),
    close: () => child.disconnect(),
  }
}

/** One clock for all processes of this machine: epoch ms, with fractions. */
export function preciseNow(): number {
  return performance.timeOrigin + performance.now()
}

if (process.argv[2] === 'receive' && process.send !== undefined) {
  let latencies: number[] = []
  const server = createServer((request, response) => {
    if (request.url === '/hang') return
    if (request.url === '/fail') response.statusCode = 500
    if (request.url !== '/timed') return void request.resume().on('end', () => response.end('{"ok":true}'))
    const at = preciseNow()
    const chunks: Buffer[] = []
    request
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => {
        latencies.push(at - JSON.parse(Buffer.concat(chunks).toString()).metadata.sentAt)
        response.end('{"ok":true}')
      })
  })
  server.keepAliveTimeout = 60_000
  server.listen(0, '127.0.0.1', 4096, () => process.send?.((server.address() as AddressInfo).port))
  process.on('message', () => {
    process.send?.(latencies)
    latencies = []
  })
  process.on('disconnect', () => process.exit())
}
