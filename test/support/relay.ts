import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface Relay {
  readonly port: number
  /** Ends the connections there are and refuses new ones, until `mend`. */
  cut(): void
  /** Keeps the connections, and lets nothing through any more, until `mend`. */
  stall(): void
  mend(): void
  close(): Promise<void>
}

/** A way to a service on 127.0.0.1 that can be cut, without harm to those who use the service beside. */
export async function startRelay(targetPort: number): Promise<Relay> {
  const sockets = new Set<Socket>()
  let state: 'open' | 'cut' | 'stalled' = 'open'
  const server = createServer((inner) => {
    if (state === 'cut') {
      inner.destroy()
      return
    }
    const outer = connect(targetPort, '127.0.0.1')
    for (const [socket, other] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      sockets.add(socket)
      socket.on('data', (data) => {
        if (state === 'open') other.write(data)
      })
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const dropAll = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      state = 'cut'
      dropAll()
    },
    stall() {
      state = 'stalled'
    },
    mend() {
      // what was swallowed is missing from the streams: they can't go on
      if (state === 'stalled') dropAll()
      state = 'open'
    },
    close() {
      dropAll()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
