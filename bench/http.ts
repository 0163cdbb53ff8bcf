/**
 * CPU that the sending of one request costs: `undiciHttp` and `fetchHttp` beside undici's own `Pool.request`.
 * Interleaved rounds against a receiver in a process of its own; the median of the rounds is printed.
 *
 *   node bench/http.ts [requests per round] [rounds]
 */
import { fork } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { Pool } from 'undici'
import { fetchHttp, undiciHttp } from '../src/http/index.ts'

const CONCURRENCY = 64
const BODY_BYTES = 402

if (process.send !== undefined) receive(process.send.bind(process))
else await measure(Number(process.argv[2] ?? 20_000), Number(process.argv[3] ?? 7))

function receive(send: (message: unknown) => void): void {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.end('{"ok":true}'))
  })
  server.listen(0, '127.0.0.1', () => send((server.address() as AddressInfo).port))
  process.on('disconnect', () => process.exit())
}

async function measure(requests: number, rounds: number): Promise<void> {
  const receiver = fork(fileURLToPath(import.meta.url))
  const port = await new Promise<number>((resolve) => receiver.once('message', (message) => resolve(Number(message))))
  const origin = `http://127.0.0.1:${port}`
  const body = JSON.stringify({ data: 'x'.repeat(BODY_BYTES - 11) })
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'signalbox',
    'webhook-id': 'msg_0123456789abcdef',
    'webhook-timestamp': '1700000000',
    'webhook-signature': 'v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=',
  }
  const allow = [{ cidr: '127.0.0.0/8', plainHttp: true }]
  const pool = new Pool(origin, { connections: CONCURRENCY })
  const ports = { undiciHttp: undiciHttp({ allow }), fetchHttp: fetchHttp({ allow }) }
  const { signal } = new AbortController()

  const viaPool = async (): Promise<void> => {
    const answer = await pool.request({ method: 'POST', path: '/hook', headers, body })
    await answer.body.text()
  }
  const via = (http: (typeof ports)['undiciHttp']) => async (): Promise<void> => {
    const deadlineAt = Date.now() + 10_000
    const answer = await http.request({ method: 'POST', url: `${origin}/hook`, headers, body, deadlineAt, signal })
    if (answer.text === '') throw new Error('no body')
  }
  const senders = { 'Pool.request': viaPool, undiciHttp: via(ports.undiciHttp), fetchHttp: via(ports.fetchHttp) }

  const results = new Map<string, number[]>()
  for (let round = -1; round < rounds; round++) {
    for (const [name, send] of Object.entries(senders)) {
      const count = name === 'fetchHttp' ? Math.ceil(requests / 5) : requests
      const micros = (await cost(send, count)) / count
      if (round >= 0) results.set(name, [...(results.get(name) ?? []), micros])
    }
  }
  const base = median(results.get('Pool.request') ?? [])
  for (const [name, values] of results) {
    const micros = median(values)
    console.log(`${name.padEnd(14)} ${micros.toFixed(1).padStart(7)} µs CPU a request  × ${(micros / base).toFixed(2)}`)
  }
  await Promise.all([pool.close(), ports.undiciHttp.close(), ports.fetchHttp.close()])
  receiver.disconnect()
}

async function cost(send: () => Promise<void>, count: number): Promise<number> {
  let left = count
  const before = process.cpuUsage()
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      while (left-- > 0) await send()
    }),
  )
  const used = process.cpuUsage(before)
  return used.user + used.system
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
