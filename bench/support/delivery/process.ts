/** A contender in a process of its own, which has its code optimised and its garbage collected for itself alone. */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type Cost, costOf, inParallel } from '../measure.ts'
import { openClient } from './clients.ts'
import type { Contender, Setting } from './contender.ts'
import { eventOf } from './event.ts'

export interface ContenderProcess {
  /** Makes everything ready for one round. */
  open(): Promise<void>
  /** Delivers so many events. */
  run(count: number): Promise<Cost>
  /** Ends what `open` began; the process stays. */
  close(): Promise<void>
  end(): void
}

type Order =
  | { readonly kind: 'open'; readonly setting: Omit<Setting, 'delivered'> }
  | { readonly kind: 'run'; readonly count: number }
  | { readonly kind: 'close' }

export function startContender(setting: Omit<Setting, 'delivered'>): ContenderProcess {
  const child = fork(fileURLToPath(import.meta.url), ['contend'], { serialization: 'advanced' })
  const order = (what: Order): Promise<Cost> =>
    new Promise((resolve, reject) => {
      const fail = (): void => reject(new Error(`${setting.spec.name} ended: what it printed says why`))
      child.once('exit', fail)
      child.once('message', (cost: Cost) => {
        child.off('exit', fail)
        resolve(cost)
      })
      child.send(what)
    })
  return {
    open: async () => void (await order({ kind: 'open', setting })),
    run: (count) => order({ kind: 'run', count }),
    close: async () => void (await order({ kind: 'close' })),
    end() {
      if (child.connected) child.disconnect()
    },
  }
}

/** Accepted and not delivered yet: what a host has that dispatches about as fast as its receivers answer. */
const MAX_OUTSTANDING = 1000
/** A portion is of many events; a host has few such calls under way. */
const PORTIONS_AT_ONCE = 4

async function open(setting: Setting): Promise<Contender> {
  switch (setting.spec.family) {
    case 'signalbox':
      return (await import('./signalbox.ts')).openSignalbox(setting)
    case 'bullmq':
      return (await import('./bullmq.ts')).openBullmq(setting)
    case 'pg-boss':
      return (await import('./pg-boss.ts')).openPgBoss(setting)
    case 'pg-boss-10':
      return (await import('./pg-boss.ts')).openPgBoss10(setting)
    case 'graphile-worker':
      return (await import('./graphile-worker.ts')).openGraphileWorker(setting)
    case 'bare':
      return bareLoop(setting)
  }
}

async function bareLoop({ spec, origin, delivered }: Setting): Promise<Contender> {
  const client = await openClient('undici', origin, spec.concurrency)
  return {
    enqueue: (event) => client.send(event).then(delivered),
    enqueueMany: (events) => Promise.all(events.map((event) => client.send(event).then(delivered))),
    close: () => client.close(),
  }
}

/** One contender, with the events that it was given and has not delivered. */
async function createRound(setting: Omit<Setting, 'delivered'>) {
  const { orgs } = setting
  const { portion = 1, concurrency } = setting.spec
  let outstanding = 0
  let left = 0
  let ended = (): void => {}
  let waiting: (() => void)[] = []
  const contender = await open({
    ...setting,
    delivered() {
      outstanding--
      if (--left === 0) ended()
      if (outstanding >= MAX_OUTSTANDING || waiting.length === 0) return
      for (const resume of waiting) resume()
      waiting = []
    },
  })

  async function run(count: number): Promise<void> {
    left = count
    let next = 0
    const end = new Promise<void>((resolve) => {
      ended = resolve
    })
    await inParallel(Math.ceil(count / portion), portion === 1 ? concurrency : PORTIONS_AT_ONCE, async () => {
      while (outstanding >= MAX_OUTSTANDING) await new Promise<void>((resolve) => waiting.push(resolve))
      const first = next
      next = Math.min(next + portion, count)
      outstanding += next - first
      if (portion === 1) return contender.enqueue(eventOf(first, orgs))
      return contender.enqueueMany(Array.from({ length: next - first }, (_, index) => eventOf(first + index, orgs)))
    })
    await end
    await contender.drain?.()
  }

  return { run: (count: number) => costOf(count, () => run(count)), close: () => contender.close() }
}

if (process.argv[2] === 'contend') {
  let round: Awaited<ReturnType<typeof createRound>> | undefined
  process.on('message', async (order: Order) => {
    let cost: Cost | undefined
    if (order.kind === 'open') round = await createRound(order.setting)
    else if (order.kind === 'run') cost = await round?.run(order.count)
    else await round?.close()
    process.send?.(cost ?? null)
  })
  process.on('disconnect', () => process.exit())
}
