import { randomHex } from './values.ts'

/** Access tokens of a CRM. */
export interface CrmTokens {
  /** Good from the beginning. */
  readonly first: string
  issue(): string
  /** Every token that was issued so far. */
  expire(): void
  state(token: string | undefined): 'good' | 'expired' | 'unknown'
  /** The first one is good again, the others are unknown. */
  reset(): void
}

export function createCrmTokens(prefix: string): CrmTokens {
  const tokens = new Map<string, 'good' | 'expired'>()
  const issue = (): string => {
    const token = `${prefix}${randomHex(40)}`
    tokens.set(token, 'good')
    return token
  }
  const first = issue()
  return {
    first,
    issue,
    expire() {
      for (const token of tokens.keys()) tokens.set(token, 'expired')
    },
    state: (token) => (token === undefined ? 'unknown' : (tokens.get(token) ?? 'unknown')),
    reset() {
      tokens.clear()
      tokens.set(first, 'good')
    },
  }
}
