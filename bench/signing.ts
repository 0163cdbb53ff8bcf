/**
 * Sign and verify beside npm `standardwebhooks`: one run, the two interleaved round by round, medians.
 *
 *     node bench/signing.ts
 */
import { createHmac, createSecretKey } from 'node:crypto'
import { parseArgs } from 'node:util'
import { Webhook } from 'standardwebhooks'
import { generateSecret, ghostSignature, standardWebhooks } from '../src/signing/index.ts'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '15' } } })
const rounds = Number(values.rounds)

const secret = generateSecret()
const secrets = [secret]
const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek'
const scheme = standardWebhooks()
const ghost = ghostSignature()
const peer = new Webhook(secret)
const key = createSecretKey(secret, 'utf8')

interface Case {
  readonly name: string
  run(): unknown
}

interface Comparison {
  readonly title: string
  readonly ours: Case
  readonly theirs: Case
  /** The ratio that this project holds itself to. */
  readonly target?: number
}

function bodyOf(bytes: number): string {
  const frame = JSON.stringify({ type: 'case_assigned', text: '' })
  return JSON.stringify({ type: 'case_assigned', text: 'x'.repeat(bytes - frame.length) })
}

function comparisons(bytes: number, target: number): readonly Comparison[] {
  const body = bodyOf(bytes)
  // The peer is spared its JSON.parse: only the signature is compared.
  const options = { jsonParse: false }
  const signOurs = () => scheme.sign({ id, sentAt: Date.now(), body, secrets })
  const signTheirs = () => {
    const sentAt = new Date()
    return {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1000)),
      'webhook-signature': peer.sign(id, sentAt, body),
    }
  }
  return [
    {
      title: `sign + verify, ${bytes} bytes`,
      ours: { name: 'signalbox', run: () => scheme.verify({ headers: signOurs(), body, secrets }) },
      theirs: { name: 'standardwebhooks', run: () => peer.verify(body, signTheirs(), options) },
      target,
    },
    {
      title: `sign, ${bytes} bytes`,
      ours: { name: 'signalbox', run: signOurs },
      theirs: { name: 'standardwebhooks', run: signTheirs },
    },
    {
      title: `ghost sign, ${bytes} bytes`,
      ours: { name: 'signalbox', run: () => ghost.sign({ id, sentAt: Date.now(), body, secrets }) },
      theirs: { name: 'bare createHmac', run: () => createHmac('sha256', key).update(body).digest('hex') },
    },
  ]
}

/** Operations a second over one slice of about 20 ms. */
function measure(run: () => unknown, operations: number): number {
  const start = process.hrtime.bigint()
  for (let i = 0; i < operations; i++) run()
  return (operations * 1e9) / Number(process.hrtime.bigint() - start)
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

const table: Record<string, string | number>[] = []
for (const { title, ours, theirs, target } of [...comparisons(402, 3.5), ...comparisons(10_240, 6)]) {
  const results = [ours, theirs].map(({ name, run }) => {
    if ((run() as { ok?: boolean } | undefined)?.ok === false) throw new Error(`${title}: ${name} did not verify`)
    measure(run, 2000)
    return { run, operations: Math.max(50, Math.round(measure(run, 500) / 50)), rates: [] as number[] }
  })
  for (let round = 0; round < rounds; round++) {
    for (const result of results) result.rates.push(measure(result.run, result.operations))
  }
  const [own = Number.NaN, other = Number.NaN] = results.map((result) => median(result.rates))
  table.push({
    what: title,
    'signalbox op/s': Math.round(own),
    beside: theirs.name,
    'op/s': Math.round(other),
    ratio: Number((own / other).toFixed(2)),
    target: target === undefined ? '' : `>= ${target}`,
  })
}
console.log(`node ${process.version}, ${rounds} rounds, medians`)
console.table(table)
