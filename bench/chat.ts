/**
 * CPU that a message costs its sender: a transport, with `build`, guard and signatures, beside the clients that people
 * use for the same service, which are handed the JSON that the transport makes of the same event. Each in a process of
 * its own; rounds in turn; medians.
 *
 *   npm install --prefix bench
 *   node bench/chat.ts [--rounds 9] [--cpu 500] [--concurrency 64] [--only slack]
 */
import { deepStrictEqual } from 'node:assert/strict'
import { parseArgs } from 'node:util'
import { CONTESTS, type Contest, type Json } from './support/chat-contests.ts'
import { type ContenderProcess, startContender } from './support/chat-process.ts'
import { MESSAGES, startChatService } from './support/chat-service.ts'
import { median, table } from './support/measure.ts'
import { missingPeers, peerVersion } from './support/peers.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    /** Of a round, in ms. */
    cpu: { type: 'string', default: '500' },
    concurrency: { type: 'string', default: '64' },
    only: { type: 'string' },
  },
})
const rounds = Number(values.rounds)
const cpuMs = Number(values.cpu)
const concurrency = Number(values.concurrency)
/** In rounds: engines go on optimising for tens of thousands of messages. */
const WARM_UP = 8

interface Row {
  readonly label: string
  readonly goal?: number
  readonly contender: ContenderProcess
  readonly costs: number[]
}

const service = await startChatService()
const missing: string[] = []
const lines = [['', 'bytes', 'µs CPU a message', '× ours', 'goal']]
for (const contest of CONTESTS) {
  if (values.only === undefined || values.only === contest.transport) lines.push(...(await compare(contest)))
}
service.close()
console.log(`concurrency ${concurrency}, medians of ${rounds} rounds of ${cpuMs} ms of CPU\n`)
console.log(table(lines))
if (missing.length > 0) console.log(`\n${missingPeers(missing)}`)

async function compare({ transport, peers }: Contest): Promise<string[][]> {
  const ours: Row = {
    label: `signalbox ${transport}`,
    contender: await startContender(transport, service.origin),
    costs: [],
  }
  const bodies: Json[] = []
  for (let index = 0; index < MESSAGES; index++) {
    await ours.contender.send(index)
    bodies.push(JSON.parse(await service.lastBody()))
  }
  const rows = [ours]
  for (const { name, goal, json = JSON.parse } of peers) {
    const version = name === 'fetch' ? `of Node ${process.versions.node}` : await peerVersion(name)
    if (version === undefined) {
      missing.push(name)
      continue
    }
    const contender = await startContender(name, service.origin, bodies)
    for (const [index, body] of bodies.entries()) {
      await contender.send(index)
      // One that leaves something out would be cheap.
      deepStrictEqual(json(await service.lastBody()), body)
    }
    rows.push({ label: `${name} ${version}`, goal, contender, costs: [] })
  }
  for (const { contender } of rows) await contender.measure(cpuMs * WARM_UP, concurrency)
  for (let round = 0; round < rounds; round++) {
    for (const { contender, costs } of rows) costs.push(await contender.measure(cpuMs, concurrency))
  }
  for (const { contender } of rows) contender.close()
  const bytes = median(bodies.map((body) => Buffer.byteLength(JSON.stringify(body))))
  return rows.map((row) => [
    row.label,
    row === ours ? bytes.toFixed(0) : '',
    median(row.costs).toFixed(1),
    median(row.costs.map((cost, round) => cost / (ours.costs[round] ?? Number.NaN))).toFixed(2),
    row.goal === undefined ? '' : `≥ ${row.goal}`,
  ])
}
