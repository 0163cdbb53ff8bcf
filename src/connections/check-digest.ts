import { catalogIndex } from '../catalog/index.ts'
import type { DigestSettings } from '../contracts/connection.ts'
import { checkDigestSettings } from '../digest/check-digest.ts'
import type { ConnectionsDeps } from './deps.ts'

/** Digest settings, checked against what the catalog has. @throws SignalboxError `invalid_input` */
export function checkDigest(
  { catalog, clock }: Pick<ConnectionsDeps, 'catalog' | 'clock'>,
  value: unknown,
): DigestSettings {
  const index = catalog && catalogIndex(catalog)
  return checkDigestSettings(value, clock.now(), {
    hasType: index && ((type) => index.find(type) !== undefined),
    keys: Object.keys(catalog?.digestKeys ?? {}),
  })
}
