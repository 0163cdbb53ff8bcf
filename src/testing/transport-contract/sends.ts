import assert from 'node:assert/strict'
import { anEvent, MESSAGES } from './messages.ts'
import { told } from './outcomes.ts'
import type { HttpService, ServiceRequest } from './service.ts'
import type { ExchangeCase, World } from './world.ts'

export const sendCases: readonly ExchangeCase[] = [
  {
    name: 'sends: a good exchange is delivered, by requests through context.http alone',
    async run(world) {
      const service = await world.service()
      const outcome = await world.send(service.origin)
      assert.equal(outcome.kind, 'delivered', `the service took the message, but the outcome is ${told(outcome)}`)
      checkRequests(world, service, world.harness.exchanges ?? 1)
    },
  },
  {
    name: 'sends: the receipt finds the message again',
    skip: ({ receipt }) => (receipt === undefined ? 'needs harness.receipt' : undefined),
    async run(world) {
      const service = await world.service()
      const outcome = await world.send(service.origin)
      assert.equal(outcome.kind, 'delivered', `the outcome is ${told(outcome)}`)
      assert.deepEqual(outcome.kind === 'delivered' && outcome.receipt, world.harness.receipt, 'the receipt is another')
    },
  },
  {
    name: 'sends: every kind of message arrives as well-formed text',
    async run(world) {
      const service = await world.service()
      for (const { name, message } of MESSAGES) {
        const before = service.requests.length
        const outcome = await world.send(service.origin, { message })
        if (outcome.kind !== 'delivered') {
          const isRefused = outcome.kind === 'rejected' && outcome.code === 'unsupported_message'
          assert.ok(isRefused, `${name} is neither delivered nor unsupported_message, but ${told(outcome)}`)
        }
        for (const request of service.requests.slice(before)) checkText(name, request)
      }
    },
  },
  {
    name: 'sends: each signature scheme verifies what arrives',
    skip: ({ transport }) => (transport.signatures === undefined ? 'the transport does not sign' : undefined),
    async run(world) {
      const service = await world.service()
      const now = Date.now()
      await world.send(service.origin, { now })
      const [request] = service.requests
      assert.ok(request !== undefined, 'no request arrived')
      for (const scheme of world.transport.signatures ?? []) {
        const result = scheme.verify({
          headers: request.headers,
          body: request.body,
          secrets: world.signingSecrets.slice(0, 1),
          now,
        })
        assert.ok(result.ok, `${scheme.name} does not verify the request: ${result.ok || result.code}`)
        if (result.id !== undefined) assert.equal(result.id, anEvent().id, `${scheme.name} signs another message id`)
      }
    },
  },
  {
    name: 'sends: the token travels in a header, never in the URL',
    skip: needsToken,
    async run(world) {
      const service = await world.service()
      await world.send(service.origin)
      const token = world.harness.token ?? ''
      const [request] = service.requests
      assert.ok(request !== undefined, 'no request arrived')
      assert.ok(!request.path.includes(encodeURIComponent(token)), 'the token is in the URL')
      const values = Object.values(request.headers).map(String)
      assert.ok(
        values.some((value) => value.includes(token)),
        'no header of the request has the token',
      )
    },
  },
  {
    name: 'sends: without a token the outcome is reauthorize, and nothing is sent',
    skip: needsToken,
    async run(world) {
      const service = await world.service()
      const outcome = await world.send(service.origin, { token: false })
      assert.equal(outcome.kind, 'reauthorize', `the outcome is ${told(outcome)}`)
      checkRequests(world, service, 0)
    },
  },
  {
    name: 'sends: a message that is not supported is rejected as unsupported_message, and nothing is sent',
    skip: ({ unsupported }) => (unsupported === undefined ? 'needs harness.unsupported' : undefined),
    async run(world) {
      const service = await world.service()
      const { unsupported } = world.harness
      const outcome = await world.send(service.origin, unsupported === undefined ? {} : { message: unsupported })
      assert.deepEqual(
        [outcome.kind, outcome.kind !== 'delivered' && outcome.code],
        ['rejected', 'unsupported_message'],
        `the outcome is ${told(outcome)}`,
      )
      checkRequests(world, service, 0)
    },
  },
]

function needsToken({ transport }: World['harness']): string | undefined {
  return transport.provider === undefined ? 'the transport has no provider' : undefined
}

/** All of `expected` requests went through the port, and nothing else arrived. */
function checkRequests(world: World, service: HttpService, expected: number): void {
  const { length } = service.requests
  const through = world.requests.length
  assert.ok(length <= through, 'a request arrived that did not go through context.http')
  assert.equal(through, expected, `${through} requests went through context.http, not ${expected}`)
}

/** Half a surrogate pair becomes U+FFFD on the wire, or half an escape in JSON. */
function checkText(name: string, { headers, text, path }: ServiceRequest): void {
  const type = String(headers['content-type'] ?? '')
  assert.ok(!`${path}${text}`.includes('�'), `${name} arrives with characters that were cut in two`)
  if (!/\bjson\b/i.test(type)) return
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    assert.fail(`${name} arrives as ${type}, but its body is no JSON`)
  }
  assert.ok(isWellFormed(parsed), `${name} arrives with characters that were cut in two`)
}

function isWellFormed(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed()
  if (typeof value !== 'object' || value === null) return true
  return Object.entries(value).every(([key, one]) => key.isWellFormed() && isWellFormed(one))
}
