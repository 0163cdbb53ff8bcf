import net, { type AddressInfo, type Socket } from 'node:net'
import tls from 'node:tls'
import type { Certificate } from './certificates.ts'

export interface RawServer {
  readonly port: number
  /** Connections accepted so far. */
  readonly accepted: number
  /** Bytes received so far. */
  readonly received: number
  /** Connections that are open now. */
  readonly open: number
  close(): Promise<void>
}

/** A server that says exactly what a test wants, on loopback. `onRequest` is called when a request's head is complete. */
export async function rawServer(
  behaviour: { onConnect?(socket: Socket): void; onRequest?(socket: Socket, head: string, nth: number): void },
  certificate?: Certificate,
): Promise<RawServer> {
  let accepted = 0
  let received = 0
  const open = new Set<Socket>()
  const onConnection = (socket: Socket): void => {
    let head = ''
    let nth = 0
    socket.on('error', () => {})
    behaviour.onConnect?.(socket)
    if (behaviour.onRequest === undefined) return
    socket.on('data', (chunk) => {
      head += chunk.toString('latin1')
      if (!head.includes('\r\n\r\n')) return
      const whole = head
      head = ''
      nth += 1
      behaviour.onRequest?.(socket, whole, nth)
    })
  }
  const server =
    certificate === undefined ? net.createServer(onConnection) : tls.createServer(certificate, onConnection)
  server.on('connection', (socket: Socket) => {
    accepted += 1
    open.add(socket)
    socket.on('data', (chunk) => {
      received += chunk.length
    })
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
  })
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    get accepted() {
      return accepted
    },
    get received() {
      return received
    },
    get open() {
      return open.size
    },
    close() {
      for (const socket of open) socket.destroy()
      return new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
