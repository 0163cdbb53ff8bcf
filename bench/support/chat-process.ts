/**
 * A contender in a process of its own, as a host has one client and not five: none runs with the garbage, the timers or
 * the optimised code of another.
 */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { bodiesOf, CONTESTS, openHttp, type Send } from './chat-contenders.ts'
import { inParallel } from './measure.ts'

export interface ContenderProcess {
  /** Sends one message. */
  send(index: number): Promise<void>
  /** Sends messages until `cpuMs` of CPU are used, and tells what one took, in µs. */
  measure(cpuMs: number, concurrency: number): Promise<number>
  close(): void
}

type Order =
  | { readonly kind: 'send'; readonly index: number }
  | { readonly kind: 'measure'; readonly cpuMs: number; readonly concurrency: number }

/** `peer`: its place in the contest's list; -1: the transport. */
export async function startContender(contest: number, peer: number, origin: string): Promise<ContenderProcess> {
  const child = fork(fileURLToPath(import.meta.url), ['contend', String(contest), String(peer), origin])
  const answer = () =>
    new Promise<number>((resolve, reject) => {
      const fail = (): void => reject(new Error('a contender ended: what it printed says why'))
      child.once('exit', fail)
      child.once('message', (message) => {
        child.off('exit', fail)
        resolve(Number(message))
      })
    })
  const order = (what: Order): Promise<number> => {
    child.send(what)
    return answer()
  }
  await answer()
  return {
    send: async (index) => void (await order({ kind: 'send', index })),
    measure: (cpuMs, concurrency) => order({ kind: 'measure', cpuMs, concurrency }),
    close: () => child.disconnect(),
  }
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
  const [contest, peer, origin = ''] = process.argv.slice(3)
  const chosen = CONTESTS[Number(contest)]
  if (chosen === undefined) throw new Error('no such contest')
  const competitor = chosen.peers[Number(peer)]
  const send =
    competitor === undefined
      ? chosen.ours(origin, openHttp())
      : await competitor.open(origin, await bodiesOf(chosen, origin))
  process.on('message', async (order: Order) => {
    if (order.kind === 'send') process.send?.(await send(order.index).then(() => 0))
    else process.send?.(await measure(send, order.cpuMs, order.concurrency))
  })
  process.on('disconnect', () => process.exit())
  process.send?.(0)
}
