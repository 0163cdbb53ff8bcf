/** A receiver in a process of its own: what it costs is not counted with the sender. */
import { fork } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'

export interface Receiver {
  /** `http://127.0.0.1:port` */
  readonly origin: string
  close(): void
}

/** `/hang` never answers, everything else is answered with 200 at once. */
export async function startReceiver(): Promise<Receiver> {
  const child = fork(fileURLToPath(import.meta.url), ['receive'])
  const port = await new Promise<number>((resolve) => child.once('message', (message) => resolve(Number(message))))
  return { origin: `http://127.0.0.1:${port}`, close: () => child.disconnect() }
}

if (process.argv[2] === 'receive' && process.send !== undefined) {
  const server = createServer((request, response) => {
    if (request.url === '/hang') return
    request.resume().on('end', () => response.end('{"ok":true}'))
  })
  server.keepAliveTimeout = 60_000
  server.listen(0, '127.0.0.1', 4096, () => process.send?.((server.address() as AddressInfo).port))
  process.on('disconnect', () => process.exit())
}
