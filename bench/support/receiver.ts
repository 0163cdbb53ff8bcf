/** A receiver in a process of its own: what it costs is not counted with the sender. */
import { fork } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { SECRET } from './delivery/event.ts'

export interface Receiver {
  /** `http://127.0.0.1:port` */
  readonly origin: string
  /** How long, in ms, from `metadata.sentAt` of each body until it came to `/timed`; begins anew. */
  latencies(): Promise<readonly number[]>
  /** What came to `/counted`; begins anew. */
  counts(): Promise<Counts>
  close(): void
}

export interface Counts {
  readonly requests: number
  /** By the number in `metadata.caseId`. */
  readonly events: number
  /** With a signature; that of each hundredth is checked. */
  readonly signed: number
}

/** `/hang` never answers, `/fail` answers 500, everything else 200 at once. */
export async function startReceiver(): Promise<Receiver> {
  const child = fork(fileURLToPath(import.meta.url), ['receive'])
  const ask = <Answer>(question?: string): Promise<Answer> =>
    new Promise((resolve) => {
      child.once('message', (answer: Answer) => resolve(answer))
      if (question !== undefined) child.send(question)
    })
  const port = await ask<number>()
  return {
    origin: `http://127.0.0.1:${port}`,
    latencies: () => ask('latencies'),
    counts: () => ask('counts'),
    close() {
      if (child.connected) child.disconnect()
    },
  }
}

/** One clock for all processes of this machine: epoch ms, with fractions. */
export function preciseNow(): number {
  return performance.timeOrigin + performance.now()
}

/** What stands before it in a body. */
const NUMBER = '"caseId":"case_'

function createCounter() {
  let requests = 0
  let signed = 0
  let events = new Set<string>()
  return {
    add(body: Buffer, signature: string | string[] | undefined): void {
      // parsing each body would take longer than answering it
      const at = body.indexOf(NUMBER) + NUMBER.length
      events.add(body.toString('latin1', at, at + 10))
      const isChecked = requests++ % 100 === 0
      const expected = isChecked ? createHmac('sha256', SECRET).update(body).digest('hex') : undefined
      if (expected === undefined ? signature?.length === 64 : signature === expected) signed++
    },
    take(): Counts {
      const counts = { requests, signed, events: events.size }
      requests = 0
      signed = 0
      events = new Set()
      return counts
    },
  }
}

if (process.argv[2] === 'receive' && process.send !== undefined) {
  let latencies: number[] = []
  const counter = createCounter()
  const server = createServer((request, response) => {
    if (request.url === '/hang') return
    if (request.url === '/fail') response.statusCode = 500
    const isTimed = request.url === '/timed'
    if (!isTimed && request.url !== '/counted')
      return void request.resume().on('end', () => response.end('{"ok":true}'))
    const at = preciseNow()
    const chunks: Buffer[] = []
    request
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => {
        const body = Buffer.concat(chunks)
        if (isTimed) latencies.push(at - JSON.parse(body.toString()).metadata.sentAt)
        else counter.add(body, request.headers['x-ghost-signature'])
        response.end('{"ok":true}')
      })
  })
  server.keepAliveTimeout = 60_000
  server.listen(0, '127.0.0.1', 4096, () => process.send?.((server.address() as AddressInfo).port))
  process.on('message', (question) => {
    process.send?.(question === 'counts' ? counter.take() : latencies)
    if (question === 'latencies') latencies = []
  })
  process.on('disconnect', () => process.exit())
}
