import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { HeadersLike, SignatureScheme } from '../../src/contracts/signature.ts'
import { isReceiveError, receiver } from '../../src/receiving/index.ts'
import { readMessage } from '../../src/receiving/read-message.ts'
import {
  generateSecret,
  ghostCmsSignature,
  ghostSignature,
  github,
  slackRequest,
  standardWebhooks,
  stripe,
} from '../../src/signing/index.ts'
import { NOW } from './support.ts'

const secret = generateSecret()
const schemes: readonly SignatureScheme[] = [
  standardWebhooks(),
  ghostSignature(),
  ghostCmsSignature(),
  stripe(),
  github(),
  slackRequest(),
]

/** Header values that come near to what each scheme expects, and anything else. */
const value = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.constantFrom(
    '',
    'v1,',
    `v1,${'A'.repeat(43)}=`,
    `v1a,${'A'.repeat(86)}==`,
    `sha256=${'0'.repeat(64)}`,
    `sha256=${'0'.repeat(64)}, t=${NOW}`,
    `v0=${'0'.repeat(64)}`,
    '0'.repeat(64),
    `t=${NOW / 1000},v1=${'0'.repeat(64)}`,
    `t=${NOW / 1000}`,
    String(NOW / 1000),
    String(NOW),
    'msg_1',
    '-1',
    '1e3',
    'NaN',
    '9'.repeat(400),
    'é'.repeat(32),
    '\0',
  ),
)
const name = fc.oneof(
  fc.constantFrom(
    ...schemes.flatMap((scheme) => scheme.headers),
    'x-github-delivery',
    'x-github-event',
    'content-type',
    'content-length',
    '__proto__',
    'constructor',
    'get',
  ),
  fc.string({ maxLength: 20 }),
)
const headers = fc.dictionary(name, fc.oneof(value, fc.array(value, { maxLength: 3 }), fc.constant(undefined)), {
  maxKeys: 8,
})
const body = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.json(),
  fc.constantFrom(
    '',
    '{}',
    'null',
    '[['.repeat(50_000),
    '{"__proto__":{"id":"evt_1"}}',
    '\ufeff{}',
    '{"type":"\\ud800"}',
  ),
)
const method = fc.constantFrom('POST', 'POST', 'POST', 'post', 'GET', '', 'PUT\r\n')

describe('2,000 hostile requests', () => {
  it('are all refused with a typed error, by every scheme, whatever they hold', async () => {
    const hooks = schemes.map((scheme) => receiver({ scheme, secrets: [secret] }))
    let refused = 0
    await fc.assert(
      fc.asyncProperty(fc.nat(schemes.length - 1), method, headers, body, async (at, verb, given, content) => {
        const outcome = await hooks[at]?.receive({ method: verb, headers: given as HeadersLike, body: content }).then(
          () => 'accepted',
          (error: unknown) => error,
        )
        expect(isReceiveError(outcome)).toBe(true)
        refused += 1
      }),
      { numRuns: 2000 },
    )
    expect(refused).toBeGreaterThanOrEqual(2000)
  })

  it('are all answered 4xx by the Fetch handler, and nobody is called', async () => {
    let calls = 0
    const handlers = schemes.map((scheme) =>
      receiver({ scheme, secrets: [secret], onError: () => {} }).fetch(() => void calls++),
    )
    const legal = fc.dictionary(fc.stringMatching(/^[a-z0-9-]{1,20}$/), fc.stringMatching(/^[\x21-\x7e]{0,60}$/), {
      maxKeys: 5,
    })
    await fc.assert(
      fc.asyncProperty(fc.nat(schemes.length - 1), legal, body, async (at, given, content) => {
        const request = new Request('https://receiver.example.com/', { method: 'POST', headers: given, body: content })
        expect((await handlers[at]?.(request))?.status).toBe(400)
      }),
      { numRuns: 500 },
    )
    expect(calls).toBe(0)
  })
})

describe('a genuine request that was tampered with', () => {
  it.each(schemes.map((scheme) => [scheme.name, scheme] as const))(
    'is refused by %s: any byte of its body',
    async (_, scheme) => {
      const hooks = receiver({ scheme, secrets: [secret], clock: { now: () => NOW }, dedupe: false })
      const bytes = Buffer.from('{"id":"evt_1","type":"charge.succeeded"}')
      const genuine = scheme.sign({ id: 'msg_1', sentAt: NOW, body: bytes, secrets: [secret] })
      expect((await hooks.receive({ headers: genuine, body: bytes })).payload).toMatchObject({ id: 'evt_1' })
      for (let at = 0; at < bytes.length; at++) {
        const changed = Uint8Array.from(bytes)
        changed[at] = (changed[at] ?? 0) ^ 1
        await expect(hooks.receive({ headers: genuine, body: changed })).rejects.toMatchObject({ failure: 'no_match' })
      }
    },
  )
})

it('no payload makes the reader of formats throw, or believe something else than text', () => {
  const anything = fc.anything({ withNullPrototype: true, maxDepth: 3 })
  const near = fc.record(
    {
      specversion: fc.constantFrom('1.0', 1),
      type: fc.oneof(fc.constantFrom('test', 'digest', 'a'), anything),
      timestamp: fc.oneof(fc.constant('2026-11-21T09:00:00.250Z'), anything),
      title: fc.oneof(fc.string(), anything),
      body: fc.oneof(fc.string(), anything),
      href: fc.oneof(fc.string(), anything),
      orgName: fc.oneof(fc.string(), anything),
      items: fc.oneof(fc.array(anything, { maxLength: 3 }), anything),
      data: anything,
      metadata: anything,
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(fc.oneof(near, anything), (payload) => {
      const message = readMessage(payload, undefined)
      if (message !== undefined) {
        expect([typeof message.type, typeof message.href, typeof message.timestamp]).toEqual([
          'string',
          'string',
          'number',
        ])
      }
    }),
    { numRuns: 2000 },
  )
})
