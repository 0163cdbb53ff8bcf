import { randomBytes } from 'node:crypto'

/**
 * A new signing secret: `whsec_` and the base64 of 32 random bytes. Suits every scheme here; Standard Webhooks decodes
 * it, the others take the text itself as the key.
 */
export function generateSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`
}
