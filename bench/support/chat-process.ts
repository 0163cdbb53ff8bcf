/**
 * A contender in a process of its own, as a host has one client and not five: none runs with the garbage, the timers or
 * the optimised code of another.
 */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Json, Send } from './chat-contests.ts'
import { inParallel } from './measure.ts'

export interface ContenderProcess {
  /** Sends one message. */
  send(index: number): Promise<void>
  /** Sends messages until `cpuMs` of CPU are used, and tells what one took, in µs. */
  measure(cpuMs: number, concurrency: number): Promise<number>
  close(): void
}

type Order =
  /** Without `bodies`: the transport of this name. */
  | { readonly kind: 'open'; readonly name: string; readonly origin: string; readonly bodies?: readonly Json[] }
  | { readonly kind: 'send'; readonly index: number }
  | { readonly kind: 'measure'; readonly cpuMs: number; readonly concurrency: number }

export async function startContender(
  name: string,
  origin: string,
  bodies?: readonly Json[],
): Promise<ContenderProcess> {
  const child = fork(fileURLToPath(import.meta.url), ['contend'])
  const order = (what: Order): Promise<number> =>
    new Promise((resolve, reject) => {
      const fail = (): void => reject(new Error(`${name} ended: what it printed says why`))
      child.once('exit', fail)
      child.once('message', (message) => {
        child.off('exit', fail)
        resolve(Number(message))
      })
      child.send(what)
    })
  await order({ kind: 'open', name, origin, ...(bodies === undefined ? {} : { bodies }) })
  return {
    send: async (index) => void (await order({ kind: 'send', index })),
    measure: (cpuMs, concurrency) => order({ kind: 'measure', cpuMs, concurrency }),
    close: () => child.disconnect(),
  }
}

async function open(name: string, origin: string, bodies: readonly Json[] | undefined): Promise<Send> {
  if (bodies === undefined) return (await import('./chat-transports.ts')).openTransport(name, origin)
  return (await import('./chat-peers.ts')).openPeer(name, origin, bodies)
}

const BATCH = 512

async function measure(send: Send, cpuMs: number, concurrency: number): Promise<number> {
  let index = 0
  const before = process.cpuUsage()
  for (;;) {
    await inParallel(BATCH, concurrency, () => send(index++))
    const { user, system } = process.cpuUsage(before)
    if (user + system >= cpuMs * 1000) return (user + system) / index
  }
}

if (process.argv[2] === 'contend') {
  let send: Send = () => Promise.reject(new Error('not opened'))
  process.on('message', async (order: Order) => {
    let result = 0
    if (order.kind === 'open') send = await open(order.name, order.origin, order.bodies)
    else if (order.kind === 'send') await send(order.index)
    else result = await measure(send, order.cpuMs, order.concurrency)
    process.send?.(result)
  })
  process.on('disconnect', () => process.exit())
}
