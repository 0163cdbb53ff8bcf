import assert from 'node:assert/strict'
import type { Outcome } from '../../contracts/index.ts'
import { told } from './outcomes.ts'
import type { ServiceAnswer } from './service.ts'
import type { ExchangeCase, World } from './world.ts'

/** Epoch ms, whole seconds: HTTP dates have no finer ones. */
const NOW = Date.UTC(2026, 10, 21, 9, 0, 0)

export const answerCases: readonly ExchangeCase[] = [
  {
    name: 'answers: 429 is tried again when Retry-After says: seconds, fractions, or an HTTP date',
    async run(world) {
      const answered = await startAnswering(world)
      const asked: readonly (readonly [string, number])[] = [
        ['7', 7_000],
        ['0', 0],
        ['1.5', 1_500],
        [new Date(NOW + 30_000).toUTCString(), 30_000],
      ]
      for (const [value, retryAfterMs] of asked) {
        const outcome = await answered({ status: 429, headers: { 'retry-after': value } })
        expectRetry(outcome, `429 with Retry-After: ${value}`)
        assert.equal(outcome.code, 'rate_limited', `429 is ${told(outcome)}`)
        assert.equal(outcome.retryAfterMs, retryAfterMs, `Retry-After: ${value} is not read`)
        assert.ok(outcome.ambiguous !== true, '429 is called ambiguous: it was certainly not taken')
      }
    },
  },
  {
    name: 'answers: 429 without a Retry-After that can be read is tried again',
    async run(world) {
      const answered = await startAnswering(world)
      for (const value of [undefined, '', 'soon', '-5', '1e400', '9'.repeat(400)]) {
        const headers = value === undefined ? {} : { 'retry-after': value }
        const outcome = await answered({ status: 429, headers })
        expectRetry(outcome, `429 with Retry-After: ${value?.slice(0, 10) ?? 'none'}`)
        assert.equal(outcome.code, 'rate_limited', `429 is ${told(outcome)}`)
      }
    },
  },
  {
    name: 'answers: 5xx is tried again, by the dispatcher and not by the transport',
    async run(world) {
      const answered = await startAnswering(world)
      for (const status of [500, 502, 503, 504, 507, 599]) {
        for (const body of ['', '<h1>Bad Gateway</h1>', '{"error":{"code":"unavailable"}}']) {
          const outcome = await answered({ status, body })
          expectRetry(outcome, `${status}`)
          assert.equal(outcome.status, status, `the outcome of ${status} has another status`)
        }
      }
    },
  },
  {
    name: 'answers: 4xx is a failure that is told, with any body',
    async run(world) {
      const answered = await startAnswering(world)
      for (const status of [
        400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 413, 415, 418, 422, 423, 425, 431, 451, 499,
      ]) {
        for (const body of ['', 'no', '{', '{"error":null,"code":"x","errors":[],"message":5}', '[[]]']) {
          const outcome = await answered({ status, body })
          assert.notEqual(outcome.kind, 'delivered', `${status} counts as delivered`)
        }
      }
    },
  },
  {
    name: 'answers: a redirect is not followed, and delivers nothing',
    async run(world) {
      const answered = await startAnswering(world, Number.POSITIVE_INFINITY)
      for (const status of [301, 302, 303, 307, 308]) {
        const elsewhere = await world.service()
        const outcome = await answered({ status, headers: { location: `${elsewhere.origin}/taken` } })
        assert.equal(elsewhere.requests.length, 0, `${status} was followed`)
        assert.notEqual(outcome.kind, 'delivered', `${status} counts as delivered`)
      }
    },
  },
  {
    name: 'answers: 200 with a body that nobody expects is an outcome like any other',
    async run(world) {
      const answered = await startAnswering(world)
      const bodies = ['', ' ', 'null', 'true', '[]', '{}', '{"ok":"yes"}', '{"id":{}}', '"x"', '{', '<html>', '\u0000']
      for (const body of bodies) {
        await answered({ status: 200, body })
        await answered({ status: 200, body, headers: { 'content-type': 'application/json' } })
      }
      await answered({ status: 204 })
      await answered({ status: 200, body: 'é'.repeat(100_000) })
    },
  },
  {
    name: 'answers: what the service says is handed over whole, or not at all',
    async run(world) {
      const answered = await startAnswering(world)
      // numbered words: a text with the first and without the last was cut, maybe through the middle of a secret
      const words = Array.from({ length: 500 }, (_, n) => `w${n}w`)
      const text = words.join(' ')
      const said = { ok: false, error: { code: text, message: text }, message: text, code: text, errors: [text] }
      const bodies = [text, JSON.stringify(said), JSON.stringify({ ...said, error: text })]
      for (const status of [200, 400, 404, 422, 500]) {
        for (const body of bodies) {
          const outcome = await answered({ status, body })
          for (const [name, value] of Object.entries(outcome)) {
            const isCut = typeof value === 'string' && value.includes('w0w') && !value.includes('w499w')
            assert.ok(!isCut, `the ${name} of an outcome was cut: the dispatcher does that, after it has redacted`)
          }
        }
      }
    },
  },
  {
    name: 'answers: a destination that no longer exists is gone',
    skip: ({ gone }) => (gone === undefined ? 'needs harness.gone' : undefined),
    run: (world) => expectKind(world, world.harness.gone ?? [], 'gone'),
  },
  {
    name: 'answers: credentials that are dead are reauthorize',
    skip: ({ reauthorize }) => (reauthorize === undefined ? 'needs harness.reauthorize' : undefined),
    run: (world) => expectKind(world, world.harness.reauthorize ?? [], 'reauthorize'),
  },
  {
    name: 'answers: a message that is never taken is rejected',
    skip: ({ rejected }) => (rejected === undefined ? 'needs harness.rejected' : undefined),
    run: (world) => expectKind(world, world.harness.rejected ?? [], 'rejected'),
  },
  {
    name: 'answers: an expired token is retry with token_expired, so that a new one is fetched',
    skip: ({ tokenExpired }) => (tokenExpired === undefined ? 'needs harness.tokenExpired' : undefined),
    async run(world) {
      const answered = await startAnswering(world)
      for (const answer of world.harness.tokenExpired ?? []) {
        const outcome = await answered(answer)
        expectRetry(outcome, `the answer ${shown(answer)}`)
        assert.equal(outcome.code, 'token_expired', `the answer ${shown(answer)} is ${told(outcome)}`)
      }
    },
  },
]

/** A service; each call is one send that it answers so, of at most so many requests. */
async function startAnswering(world: World, requests = 1): Promise<(answer: ServiceAnswer) => Promise<Outcome>> {
  let current: ServiceAnswer = {}
  const service = await world.service(() => current)
  return async (answer) => {
    current = answer
    const before = world.requests.length
    const outcome = await world.send(service.origin, { now: NOW })
    const made = world.requests.length - before
    assert.ok(made <= requests, `after ${shown(answer)} the transport tried again: that is the dispatcher's to decide`)
    return outcome
  }
}

export function expectRetry(outcome: Outcome, what: string): asserts outcome is Extract<Outcome, { kind: 'retry' }> {
  assert.equal(outcome.kind, 'retry', `${what} is ${told(outcome)}, not retry`)
}

async function expectKind(world: World, answers: readonly ServiceAnswer[], kind: Outcome['kind']): Promise<void> {
  // something may take over for a destination that is out of reach
  const answered = await startAnswering(world, Number.POSITIVE_INFINITY)
  for (const answer of answers) {
    const outcome = await answered(answer)
    assert.equal(outcome.kind, kind, `the answer ${shown(answer)} is ${told(outcome)}, not ${kind}`)
  }
}

function shown({ status = 200, body = '' }: ServiceAnswer): string {
  return `${status} ${body.slice(0, 80)}`.trimEnd()
}
