/**
 * CPU that a message costs its sender: a transport, `build`, guard and signatures included, beside the clients that
 * people use for the same service, which are handed the JSON that the transport makes of the same event. Each in a
 * process of its own; rounds in turn; medians.
 *
 *   npm install --prefix bench
 *   node bench/chat.ts [--rounds 11] [--cpu 400] [--concurrency 64] [--only slack]
 */
import { deepStrictEqual } from 'node:assert/strict'
import { parseArgs } from 'node:util'
import { bodiesOf, CONTESTS } from './support/chat-contenders.ts'
import { MESSAGES } from './support/chat-messages.ts'
import { type ContenderProcess, startContender } from './support/chat-process.ts'
import { startChatService } from './support/chat-service.ts'
import { median, table } from './support/measure.ts'
import { missingPeers, peerVersion } from './support/peers.ts'

/** Ten rounds of warming up: engines go on optimising for tens of thousands of messages. */
const WARM_UP = 10

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '11' },
    cpu: { type: 'string', default: '400' },
    concurrency: { type: 'string', default: '64' },
    only: { type: 'string' },
  },
})
const rounds = Number(values.rounds)
const cpuMs = Number(values.cpu)
const concurrency = Number(values.concurrency)

interface Row {
  readonly label: string
  readonly goal?: number
  readonly process: ContenderProcess
  readonly costs: number[]
}

const service = await startChatService()
const missing: string[] = []
const lines: string[][] = [['', 'bytes', 'µs CPU a message', '× ours', 'goal']]
for (const [place, contest] of CONTESTS.entries()) {
  if (values.only !== undefined && values.only !== contest.name) continue
  const bodies = await bodiesOf(contest, service.origin)
  const ours: Row = {
    label: `signalbox ${contest.name}`,
    process: await startContender(place, -1, service.origin),
    costs: [],
  }
  const rows = [ours]
  for (const [at, { name, goal, json = JSON.parse }] of contest.peers.entries()) {
    const version = name === '' ? process.versions.node : await peerVersion(name)
    if (version === undefined) {
      missing.push(name)
      continue
    }
    const contender = await startContender(place, at, service.origin)
    for (let index = 0; index < MESSAGES; index++) {
      await contender.send(index)
      // A client that sends less than the same would be cheap.
      deepStrictEqual(json(await service.lastBody()), bodies[index])
    }
    rows.push({ label: `${name === '' ? 'fetch of Node' : name} ${version}`, goal, process: contender, costs: [] })
  }
  for (const row of rows) await row.process.measure(cpuMs * WARM_UP, concurrency)
  for (let round = 0; round < rounds; round++) {
    for (const row of rows) row.costs.push(await row.process.measure(cpuMs, concurrency))
  }
  for (const row of rows) {
    row.process.close()
    const ratio = median(row.costs.map((cost, round) => cost / (ours.costs[round] ?? Number.NaN)))
    const bytes = median(bodies.map((body) => Buffer.byteLength(JSON.stringify(body))))
    const goal = row.goal === undefined ? '' : `≥ ${row.goal}`
    lines.push([row.label, row === ours ? bytes.toFixed(0) : '', median(row.costs).toFixed(1), ratio.toFixed(2), goal])
  }
}
service.close()

console.log(`Concurrency ${concurrency}, medians of ${rounds} rounds of ${cpuMs} ms of CPU\n`)
console.log(table(lines))
if (missing.length > 0) console.log(`\n${missingPeers(missing)}`)
