import type { Logger } from '../../src/contracts/clock.ts'
import type { Connection } from '../../src/contracts/connection.ts'
import type { Encryption } from '../../src/contracts/encryption.ts'
import type { HttpPort } from '../../src/contracts/http.ts'
import type { OAuthGrant, OAuthProvider, RefreshResult } from '../../src/contracts/oauth.ts'
import type { KeyRepository, Store } from '../../src/contracts/store.ts'
import type { CredentialSource } from '../../src/contracts/tokens.ts'
import { aesGcm } from '../../src/encryption/aes-gcm.ts'
import { type StoredTokensOptions, storedTokens } from '../../src/oauth/stored-tokens.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { type FakeClock, fakeClock } from '../../src/testing/fake-clock.ts'

export const ORG = 'org_1'
export const HOUR = 3_600_000
export const DAY = 24 * HOUR
export const LIFE = 12 * HOUR

export const aes = (...ids: string[]): Encryption =>
  aesGcm({ keys: ids.map((id) => ({ id, key: Buffer.alloc(32, id) })) })

/** Rotates as strictly as Slack: a refresh token works once, and is revoked by its use. */
export interface ScriptedProvider extends OAuthProvider {
  /** The refresh tokens that came in. */
  readonly asked: readonly string[]
  readonly revoked: readonly string[]
  /** What it grants to a person now: the tokens before end. */
  grant(fields?: Partial<OAuthGrant>): OAuthGrant
  /** The next refresh answers this, without looking at the token. */
  answerOnce(result: RefreshResult | Error): void
  /** The next refresh is carried out, and its answer gets lost. */
  loseAnswerOnce(): void
  /** Refreshes are carried out at once, and answered when the result is called. */
  hold(): () => void
}

export function scriptedProvider(
  clock: Pick<FakeClock, 'now'>,
  options: { name?: string; lifeMs?: number } = {},
): ScriptedProvider {
  const { name = 'slack', lifeMs = LIFE } = options
  const asked: string[] = []
  const revoked: string[] = []
  const answers: (RefreshResult | Error)[] = []
  let serial = 0
  let current = ''
  let lost = false
  let held: Promise<void> | undefined
  const issue = () => {
    serial += 1
    current = `rt-${serial}`
    return { accessToken: `at-${serial}`, refreshToken: current, expiresAt: clock.now() + lifeMs }
  }
  const carryOut = (refreshToken: string): RefreshResult => {
    const scripted = answers.shift()
    if (scripted instanceof Error) throw scripted
    if (scripted !== undefined) return scripted
    if (refreshToken !== current) {
      const outcome = { kind: 'reauthorize', code: 'token_revoked', providerCode: 'invalid_refresh_token' } as const
      return {
        ok: false,
        outcome: { ...outcome, detail: `the token ${refreshToken} was refused`, snippet: refreshToken },
      }
    }
    const tokens = issue()
    if (!lost) return { ok: true, ...tokens }
    lost = false
    return { ok: false, outcome: { kind: 'retry', code: 'timeout', ambiguous: true } }
  }
  return {
    name,
    asked,
    revoked,
    grant: (fields = {}) => ({
      provider: name,
      externalId: 'T1',
      accountName: 'Acme',
      scopes: ['chat:write'],
      ...issue(),
      ...fields,
    }),
    answerOnce: (result) => answers.push(result),
    loseAnswerOnce() {
      lost = true
    },
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>()
      held = promise
      return () => {
        held = undefined
        resolve()
      }
    },
    authorizeUrl: () => 'https://example.com/authorize',
    exchange: async () => {
      throw new Error('not here')
    },
    async refresh(refreshToken) {
      asked.push(refreshToken)
      const result = carryOut(refreshToken)
      await held
      return result
    },
    async revoke({ accessToken }) {
      revoked.push(accessToken)
      return true
    },
  }
}

const http: HttpPort = {
  request: () => Promise.reject(new Error('nothing here sends')),
  check: () => undefined,
  close: async () => undefined,
}

/** A store whose writes to `keys` can be made to fail. */
export interface FaultyKeys {
  /** So many `put`s fail before they write. */
  failing: number
}

export interface World {
  readonly clock: FakeClock
  readonly store: Store
  readonly provider: ScriptedProvider
  readonly signal: AbortSignal
  /** All that was logged, as text. */
  readonly log: string[]
  /** Another process over the same store. */
  process(
    options?: Partial<StoredTokensOptions> & { encryption?: Encryption | false; faults?: FaultyKeys },
  ): CredentialSource
  /** A connection of the credential `slack:T1`, stored. */
  connection(id: string, fields?: Partial<Pick<Connection, 'orgId' | 'credentialId'>>): Promise<Connection>
  /** What the store has, as text. */
  stored(): Promise<string>
}

export function world(): World {
  const clock = fakeClock()
  const store = memoryStore()
  const provider = scriptedProvider(clock)
  const log: string[] = []
  const write = (fields: object, message: string): void => {
    log.push(`${message} ${JSON.stringify(fields, (_, value) => (value instanceof Error ? String(value) : value))}`)
  }
  const logger: Logger = { debug: write, info: write, warn: write, error: write }
  let processes = 0
  return {
    clock,
    store,
    provider,
    log,
    signal: new AbortController().signal,
    process({ encryption = aes('k1'), faults, ...options } = {}) {
      const me = ++processes
      let count = 0
      const ids = (prefix: string): string => `${prefix}_${me}_${++count}`
      const parts = { store: faults ? withFaults(store, faults) : store, encryption, http, clock, ids, logger }
      return storedTokens({ providers: [provider], ...options }).attach(parts)
    },
    async connection(id, fields = {}) {
      const connection = {
        id,
        orgId: ORG,
        transport: 'chat',
        label: id,
        config: {},
        categories: [],
        eventTypes: [],
        credentialId: 'slack:T1',
        ...fields,
      }
      const at = clock.now()
      const health = { consecutiveFailures: 0 }
      await store.connections.insert({
        ...connection,
        status: 'active',
        health,
        createdAt: at,
        updatedAt: at,
        version: 1,
      })
      return connection
    },
    async stored() {
      const page = await store.keys.list('', { limit: 1000, now: clock.now() })
      return JSON.stringify(page.items)
    },
  }
}

function withFaults(store: Store, faults: FaultyKeys): Store {
  const put: KeyRepository['put'] = async (...args) => {
    if (faults.failing > 0 && args[0].startsWith('credential/')) {
      faults.failing -= 1
      throw new Error('the disk is full')
    }
    return store.keys.put(...args)
  }
  return { ...store, keys: { ...store.keys, put } }
}
