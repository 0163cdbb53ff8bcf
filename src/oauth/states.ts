import { createHmac, hkdfSync, randomBytes } from 'node:crypto'
import type { Clock } from '../contracts/clock.ts'
import type { KeyRepository } from '../contracts/store.ts'
import { checkOptions, invalidInput, isSignalboxError } from '../errors.ts'
import { systemClock } from '../runtime/clock.ts'
import { equalDigests } from '../signing/compare.ts'
import { pkceChallenge } from './pkce.ts'

export interface OAuthStatesOptions {
  /**
   * Where used states are noted; shared by all processes. Any `Store` will do, once it is set up: a dispatcher does that,
   * else `await store.setup()`.
   */
  readonly store: { readonly keys: Pick<KeyRepository, 'put'> }
  /** At least 32 random bytes, as bytes or as text in base64; the same in all processes. `generateEncryptionKey()` makes one. */
  readonly key: Uint8Array | string
  /** @default the system's clock */
  readonly clock?: Pick<Clock, 'now'>
  /** How long people have to approve, in ms: 1 s to 1 day. @default 600_000 (10 min) */
  readonly ttlMs?: number
}

export interface OAuthStateInput {
  /** Whose connection it will be. */
  readonly orgId: string
  /** The provider's `name`. */
  readonly provider: string
  /** What the host wants to know again: where to lead the person, who began. JSON, at most 1 KiB. Signed, not secret. */
  readonly data?: Readonly<Record<string, unknown>>
}

export interface IssuedOAuthState {
  /** For `authorizeUrl`, which takes the whole of this. */
  readonly state: string
  /** For the cookie of this browser: see {@link OAuthStates.cookie}. */
  readonly nonce: string
  /** PKCE, for `authorizeUrl`. */
  readonly codeChallenge: string
}

export interface ConsumedOAuthState {
  /** Compare it with the organisation of the session, where there is one. */
  readonly orgId: string
  readonly provider: string
  readonly data: Readonly<Record<string, unknown>>
  /** PKCE, for `exchange`. */
  readonly codeVerifier: string
}

export interface OAuthStates {
  /** Begins a flow. Stores nothing. @throws SignalboxError `invalid_input` */
  issue(input: OAuthStateInput): IssuedOAuthState
  /**
   * Ends a flow: call it with what came back, also where the provider reports an error in place of a code. Works once.
   *
   * @throws SignalboxError `invalid_input`: `state` missing, not issued here or changed, expired, used before; `nonce`
   * missing, or of another browser, which leaves the state unused · what the store throws
   */
  consume(answer: {
    readonly state: string | null | undefined
    readonly nonce: string | null | undefined
  }): Promise<ConsumedOAuthState>
  /** A `Set-Cookie` value that keeps the nonce: HttpOnly, Secure, SameSite=Lax, for this host only, as long as the state. */
  cookie(nonce: string): string
  /** Reads that cookie out of a `Cookie` header. */
  nonceOf(cookieHeader: string | null | undefined): string | undefined
}

/** `__Host-`: browsers take it only from this very host, over TLS. Lax: it comes along when the provider leads back. */
const COOKIE = '__Host-signalbox-oauth'
const DEFAULT_TTL_MS = 600_000
const MAX_STATE_LENGTH = 8192
const MAX_DATA_BYTES = 1024
const NONCE = /^[\w-]{43}$/

/**
 * States for OAuth (RFC 6749, 10.12): signed, short-lived, single use over all processes, and bound to the browser that
 * began, so that nobody can have a connection made with an account of theirs. The PKCE verifier is derived from the key
 * and the nonce: between the two requests nothing is stored.
 *
 * @throws SignalboxError `invalid_input` for an option; no message has the key.
 * @example
 * const states = oauthStates({ store, key: process.env.SIGNALBOX_STATE_KEY ?? '' })
 * createServer(async (request, response) => {
 *   const { pathname, searchParams } = new URL(request.url ?? '/', 'https://app.example.com')
 *   if (pathname === '/connect/slack') {
 *     const issued = states.issue({ orgId: 'org_1', provider: 'slack' })
 *     const location = slack.authorizeUrl(issued)
 *     response.writeHead(302, { location, 'set-cookie': states.cookie(issued.nonce) }).end()
 *   } else {
 *     const nonce = states.nonceOf(request.headers.cookie)
 *     const { orgId, codeVerifier } = await states.consume({ state: searchParams.get('state'), nonce })
 *     const grant = await slack.exchange(searchParams.get('code') ?? '', { codeVerifier })
 *     await dispatcher.connections.connect({ orgId, transport: 'slack', grant })
 *     response.end('Connected.')
 *   }
 * })
 */
export function oauthStates(options: OAuthStatesOptions): OAuthStates {
  checkOptions(options, OPTIONS)
  const { store, clock = systemClock(), ttlMs = DEFAULT_TTL_MS } = options
  if (typeof store?.keys?.put !== 'function') throw invalidInput('store', 'must be a store, or have its keys')
  if (!Number.isSafeInteger(ttlMs) || ttlMs < 1000 || ttlMs > 86_400_000) {
    throw invalidInput('ttlMs', 'must be whole milliseconds, from 1,000 to 86,400,000')
  }
  const master = keyBytes(options.key)
  const sign = keyedHash(master, 'state')
  const bindingOf = keyedHash(master, 'nonce')
  const verifierOf = keyedHash(master, 'code_verifier')

  /** What the text of a state says, if it was made with this key: whoever made it has checked it. */
  const opened = (state: string): Payload => {
    const [body, signature, ...rest] = state.length > MAX_STATE_LENGTH ? [] : state.split('.')
    // Compared as text: one signature has one spelling, while several decode to the same bytes.
    const isOurs =
      body !== undefined && signature !== undefined && rest.length === 0 && equalDigests(sign(body), signature)
    if (!isOurs) throw invalidInput('state', 'was not issued here, or was changed on the way')
    return JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as Payload
  }

  return {
    issue(input) {
      const data = checkInput(input)
      const nonce = randomBytes(32).toString('base64url')
      const payload: Payload = {
        o: input.orgId,
        p: input.provider,
        x: clock.now() + ttlMs,
        b: bindingOf(nonce),
        ...(data === undefined ? {} : { d: data }),
      }
      const body = Buffer.from(JSON.stringify(payload)).toString('base64url')
      return { state: `${body}.${sign(body)}`, nonce, codeChallenge: pkceChallenge(verifierOf(nonce)) }
    },

    async consume({ state, nonce }) {
      if (typeof state !== 'string' || state === '') throw invalidInput('state', 'is missing')
      const { o: orgId, p: provider, x: expiresAt, b: binding, d: data = {} } = opened(state)
      const now = clock.now()
      if (now >= expiresAt) throw invalidInput('state', 'has expired: begin again')
      if (typeof nonce !== 'string' || nonce === '') {
        throw invalidInput('nonce', 'is missing: the browser did not bring its cookie back')
      }
      if (!NONCE.test(nonce) || !equalDigests(binding, bindingOf(nonce))) {
        throw invalidInput('nonce', 'is of another browser, or of another attempt: begin again')
      }
      try {
        // Kept for longer than the state lasts: the clock of another process may be behind.
        await store.keys.put(`oauth-state:${binding}`, '', { now, absent: true, expiresAt: expiresAt + ttlMs })
      } catch (error) {
        if (isSignalboxError(error, 'conflict')) throw invalidInput('state', 'was used before: begin again')
        throw error
      }
      return { orgId, provider, data, codeVerifier: verifierOf(nonce) }
    },

    cookie(nonce) {
      if (typeof nonce !== 'string' || !NONCE.test(nonce)) throw invalidInput('nonce', 'must be one that was issued')
      return `${COOKIE}=${nonce}; Path=/; Max-Age=${Math.ceil(ttlMs / 1000)}; HttpOnly; Secure; SameSite=Lax`
    },

    nonceOf(cookieHeader) {
      for (const pair of cookieHeader?.split(';') ?? []) {
        const [name, value] = pair.trim().split('=', 2)
        if (name === COOKIE) return value
      }
      return undefined
    },
  }
}

const OPTIONS: readonly string[] = ['store', 'key', 'clock', 'ttlMs'] satisfies (keyof OAuthStatesOptions)[]

/** In short: it is part of a URL. */
interface Payload {
  /** orgId */
  readonly o: string
  /** provider */
  readonly p: string
  /** Epoch ms: no longer valid at this instant. */
  readonly x: number
  /** Keyed hash of the nonce; unique to the state, for each has a nonce of its own. */
  readonly b: string
  readonly d?: Readonly<Record<string, unknown>>
}

/** A keyed hash, in base64url, under a key of its own for each use: what one makes means nothing to the others. */
function keyedHash(master: Uint8Array, use: string): (text: string) => string {
  const key = Buffer.from(hkdfSync('sha256', master, '', `signalbox/oauth-states/v1/${use}`, 32))
  return (text) => createHmac('sha256', key).update(text).digest('base64url')
}

function checkInput(input: OAuthStateInput): OAuthStateInput['data'] {
  checkOptions(input, ['orgId', 'provider', 'data'] satisfies (keyof OAuthStateInput)[])
  const { orgId, provider, data } = input
  if (typeof orgId !== 'string' || orgId === '' || orgId.length > 256 || !orgId.isWellFormed()) {
    throw invalidInput('orgId', 'must be a string of 1 to 256 characters')
  }
  if (typeof provider !== 'string' || !/^[a-z][a-z0-9-]{0,63}$/.test(provider)) {
    throw invalidInput('provider', "must be a provider's name: lower-case letters, digits and -")
  }
  if (data === undefined) return undefined
  const json = jsonOf(data)
  if (json === undefined || Buffer.byteLength(json) > MAX_DATA_BYTES) {
    throw invalidInput('data', `must be a JSON object of at most ${MAX_DATA_BYTES} bytes`)
  }
  return data
}

function jsonOf(data: unknown): string | undefined {
  try {
    const json = JSON.stringify(data)
    return json?.startsWith('{') ? json : undefined
  } catch {
    return undefined
  }
}

function keyBytes(key: unknown): Uint8Array {
  const bytes = typeof key === 'string' ? decoded(key) : key
  if (bytes instanceof Uint8Array && bytes.byteLength >= 32) return bytes
  throw invalidInput('key', 'must be at least 32 bytes, as a Uint8Array or as text in base64')
}

/** Decoding passes over what is no base64: a mistyped key would be another, shorter one. */
function decoded(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64')
  const canonical = text.replace(/=+$/, '').replaceAll('-', '+').replaceAll('_', '/')
  return bytes.toString('base64').replace(/=+$/, '') === canonical ? bytes : undefined
}
