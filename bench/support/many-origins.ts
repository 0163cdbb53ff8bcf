/** Many destinations in one process of their own: a listener each. */
import { fork } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'

export interface ManyOrigins {
  /** `http://127.0.0.1:port`, each another one. */
  readonly origins: readonly string[]
  /** Sockets that each origin has accepted, and those that are open now. */
  sockets(): Promise<Sockets>
  close(): void
}

export interface Sockets {
  readonly accepted: readonly number[]
  readonly open: readonly number[]
}

export async function startOrigins(count: number): Promise<ManyOrigins> {
  const child = fork(fileURLToPath(import.meta.url), ['origins', String(count)])
  const answer = <Answer>(): Promise<Answer> =>
    new Promise((resolve) => child.once('message', (message: Answer) => resolve(message)))
  const ports = await answer<readonly number[]>()
  return {
    origins: ports.map((port) => `http://127.0.0.1:${port}`),
    sockets() {
      const sockets = answer<Sockets>()
      child.send('sockets')
      return sockets
    },
    close: () => child.disconnect(),
  }
}

function listen(): Promise<Server> {
  const server = createServer((request, response) => void request.resume().on('end', () => response.end('{"ok":true}')))
  server.keepAliveTimeout = 120_000
  return new Promise((resolve) => server.listen(0, '127.0.0.1', 4096, () => resolve(server)))
}

if (process.argv[2] === 'origins' && process.send !== undefined) {
  const servers = await Promise.all(Array.from({ length: Number(process.argv[3]) }, listen))
  const accepted = servers.map(() => 0)
  const open = servers.map(() => 0)
  servers.forEach((server, n) => {
    server.on('connection', (socket) => {
      accepted[n] = (accepted[n] ?? 0) + 1
      open[n] = (open[n] ?? 0) + 1
      socket.on('close', () => {
        open[n] = (open[n] ?? 0) - 1
      })
    })
  })
  process.on('message', () => process.send?.({ accepted, open }))
  process.on('disconnect', () => process.exit())
  process.send(servers.map((server) => (server.address() as AddressInfo).port))
}
