import { expect, it } from 'vitest'
import {
  generateSecret,
  ghostSignature,
  github,
  slackRequest,
  standardWebhooks,
  stripe,
} from '../../src/signing/index.ts'

it('generates 32 random bytes behind whsec_, which suit every scheme', () => {
  const secret = generateSecret()
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
  expect(generateSecret()).not.toBe(secret)
  for (const scheme of [ghostSignature(), standardWebhooks(), stripe(), github(), slackRequest()]) {
    expect(() => scheme.checkSecret(secret)).not.toThrow()
  }
})
