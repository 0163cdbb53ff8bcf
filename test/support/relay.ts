import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/** `up`: what the client sends. A packet is what comes from one side before the other one says something. */
export type Direction = 'up' | 'down'

/**
 * When something is to happen: when the n-th packet comes (1 is the next; it is no longer passed on), or as soon as
 * `bytes` have been passed on. Counted over all connections, from the call on.
 */
export interface Moment {
  readonly direction: Direction
  readonly packet?: number
  readonly bytes?: number
}

export interface Relay {
  readonly port: number
  /** Ends the connections there are, now or then, and refuses new ones, until `mend`. */
  cut(at?: Moment): void
  /** Keeps the connections, and from now or then on lets nothing through, until `mend`. */
  stall(at?: Moment): void
  /** Each packet takes so long, in ms, until `mend`. */
  delay(ms: () => number): void
  /** As it was: what was held back arrives late, also where its sender has given up meanwhile, as TCP does. */
  mend(): void
  /** Packets that have come since the last call of `cut`, `stall`, `delay` or `mend`. */
  seen(direction: Direction): number
  /** Connections there are. */
  open(): number
  close(): Promise<void>
}

interface Plan {
  readonly state: 'cut' | 'stalled'
  readonly at: Moment
}

/** A way to a service on 127.0.0.1 that can be cut, stopped and slowed, without harm to those who use the service beside. */
export async function startRelay(targetPort: number): Promise<Relay> {
  const links = new Set<Link>()
  let state: 'open' | 'cut' | 'stalled' = 'open'
  let plan: Plan | undefined
  let delayMs: (() => number) | undefined
  let packets = { up: 0, down: 0 }
  let bytes = { up: 0, down: 0 }
  let mended = Promise.withResolvers<void>()

  function turn(next: typeof state): void {
    plan = undefined
    packets = { up: 0, down: 0 }
    bytes = { up: 0, down: 0 }
    state = next
    if (next === 'cut') for (const link of links) link.cut()
    if (next === 'stalled') return
    mended.resolve()
    mended = Promise.withResolvers()
  }

  /** How much of a piece is passed on: the plan may come true within it. */
  function admit(direction: Direction, size: number): number {
    if (plan === undefined || plan.at.direction !== direction) return size
    const { packet, bytes: most } = plan.at
    if (packet !== undefined && packets[direction] >= packet) return 0
    return most === undefined ? size : Math.min(size, most - bytes[direction])
  }

  const server = createServer((inner) => {
    if (state === 'cut') {
      inner.destroy()
      return
    }
    const link = createLink(inner, connect(targetPort, '127.0.0.1'), {
      async pass(direction, data, isNew, write) {
        if (isNew) packets[direction]++
        const size = admit(direction, data.length)
        bytes[direction] += size
        const isDue = size < data.length || (plan?.at.direction === direction && plan.at.bytes === bytes[direction])
        const due = isDue ? plan?.state : undefined
        if (state === 'stalled') await mended.promise
        if (delayMs !== undefined) await pause(delayMs())
        if (size > 0) write(data.subarray(0, size))
        if (due === undefined) return
        turn(due)
        if (due === 'cut') return
        await mended.promise
        write(data.subarray(size))
      },
      onEnd: () => void links.delete(link),
    })
    links.add(link)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  function change(next: 'cut' | 'stalled', at: Moment | undefined): void {
    turn(at === undefined ? next : 'open')
    if (at !== undefined) plan = { state: next, at }
  }

  return {
    port: (server.address() as AddressInfo).port,
    cut: (at) => change('cut', at),
    stall: (at) => change('stalled', at),
    delay(ms) {
      turn('open')
      delayMs = ms
    },
    mend() {
      delayMs = undefined
      turn('open')
    },
    seen: (direction) => packets[direction],
    open: () => links.size,
    close() {
      turn('cut')
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

interface Link {
  cut(): void
}

/** Two sockets, and what passes between them one after the other. The end of one is passed on behind what it said. */
function createLink(
  inner: Socket,
  outer: Socket,
  rules: {
    pass(direction: Direction, data: Buffer, isNew: boolean, write: (data: Buffer) => void): Promise<void>
    onEnd(): void
  },
): Link {
  let last: Direction | undefined
  let isCut = false
  const forward = (direction: Direction, from: Socket, to: Socket): void => {
    let passed = Promise.resolve()
    from.on('data', (data: Buffer) => {
      const isNew = last !== direction
      last = direction
      passed = passed.then(async () => {
        if (!isCut) await rules.pass(direction, data, isNew, (some) => void (to.destroyed || to.write(some)))
      })
    })
    from.on('error', () => {})
    from.on('close', () => {
      if (outer.destroyed && inner.destroyed) rules.onEnd()
      passed = passed.then(() => void to.destroySoon())
    })
  }
  forward('up', inner, outer)
  forward('down', outer, inner)
  return {
    cut() {
      isCut = true
      inner.destroy()
      outer.destroy()
    },
  }
}
