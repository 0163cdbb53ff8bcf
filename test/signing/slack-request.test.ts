import { describe, expect, it } from 'vitest'
import { slackRequest } from '../../src/signing/slack-request.ts'

// https://docs.slack.dev/authentication/verifying-requests-from-slack
const secret = '8f742231b10e8888abcd99yyyzzz85a5'
const body =
  'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c'
const now = 1_531_420_618_000
const headers = {
  'X-Slack-Signature': 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
  'X-Slack-Request-Timestamp': '1531420618',
}

describe('slackRequest', () => {
  it("signs and verifies the vector of Slack's documentation", () => {
    expect(slackRequest().sign({ id: '', sentAt: now, body, secrets: [secret] })).toEqual(headers)
    expect(slackRequest().verify({ headers, body, secrets: ['other', secret], now })).toEqual({
      ok: true,
      timestamp: now,
    })
  })

  it('signs the timestamp: another one within the tolerance is refused', () => {
    const moved = { ...headers, 'X-Slack-Request-Timestamp': '1531420619' }
    expect(slackRequest().verify({ headers: moved, body, secrets: [secret], now })).toEqual({
      ok: false,
      code: 'no_match',
    })
  })

  it('needs both headers', () => {
    for (const name of Object.keys(headers)) {
      const received = { ...headers, [name]: undefined }
      expect(slackRequest().verify({ headers: received, body, secrets: [secret], now })).toEqual({
        ok: false,
        code: 'header_missing',
      })
    }
  })
})
