import { describe, expect, it } from 'vitest'
import { SignalboxError } from '../../src/errors.ts'
import { ghostSignature, isSignatureError, standardWebhooks, verifyWebhook } from '../../src/signing/index.ts'

const now = 1_614_265_330_000
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const body = '{"title":"Héllo ✓"}'
const standard = standardWebhooks()
const ghost = ghostSignature()
const headers = standard.sign({ id: 'msg_1', sentAt: now, body, secrets: [secret] })
const ghostHeaders = ghost.sign({ id: 'msg_1', sentAt: now, body, secrets: [secret] })
const bytes = new TextEncoder().encode(body)
const verified = { scheme: 'standard-webhooks', id: 'msg_1', timestamp: now, body: bytes }

describe('verifyWebhook', () => {
  it('answers the id, the time and the raw body of headers and a body', async () => {
    await expect(verifyWebhook(standard, { headers, body, secrets: [secret], now })).resolves.toEqual(verified)
    await expect(verifyWebhook(standard, { headers, body: bytes, secrets: [secret], now })).resolves.toEqual(verified)
  })

  it('reads the raw bytes of a Fetch request', async () => {
    const raw = Buffer.from('ff41', 'hex')
    const request = new Request('https://receiver.example/in', {
      method: 'POST',
      headers: standard.sign({ id: 'msg_2', sentAt: now, body: raw, secrets: [secret] }),
      body: raw,
    })
    const result = await verifyWebhook(standard, { request, secrets: [secret], now })
    expect(Buffer.from(result.body).toString('hex')).toBe('ff41')
    expect(result.id).toBe('msg_2')
  })

  it('says when the body of the request was read before', async () => {
    const request = new Request('https://receiver.example/in', { method: 'POST', headers, body })
    await request.text()
    await expect(verifyWebhook(standard, { request, secrets: [secret], now })).rejects.toMatchObject({
      code: 'invalid_input',
      field: 'request',
    })
  })

  it('accepts a request that any of several schemes verifies, and names the one', async () => {
    const input = { headers: ghostHeaders, body, secrets: [secret], now }
    await expect(verifyWebhook([standard, ghost], input)).resolves.toEqual({
      scheme: 'ghost',
      timestamp: now,
      body: bytes,
    })
  })

  it('rejects with the failure and never with the secret', async () => {
    const wrong = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD'
    const error: unknown = await verifyWebhook(standard, { headers, body, secrets: [wrong], now }).catch((e) => e)
    expect(error).toBeInstanceOf(SignalboxError)
    expect(error).toMatchObject({
      code: 'signature_invalid',
      failure: 'no_match',
      message: expect.stringContaining('no_match'),
    })
    expect(isSignatureError(error)).toBe(true)
    expect(String(error)).not.toContain(wrong.slice(6))
  })

  it('tells the failure of the scheme whose headers were there', async () => {
    const late = { headers: ghostHeaders, body, secrets: [secret], now: now + 301_000 }
    await expect(verifyWebhook([standard, ghost], late)).rejects.toMatchObject({ failure: 'timestamp_too_old' })
    await expect(verifyWebhook([ghost, standard], late)).rejects.toMatchObject({ failure: 'timestamp_too_old' })
    await expect(verifyWebhook([standard, ghost], { ...late, headers: {} })).rejects.toMatchObject({
      failure: 'header_missing',
    })
  })

  it('rejects, and never throws before its promise, without a scheme', async () => {
    const result = verifyWebhook([], { headers, body, secrets: [secret], now })
    await expect(result).rejects.toMatchObject({ code: 'invalid_input', field: 'schemes' })
    await expect(result).rejects.toSatisfy((error) => !isSignatureError(error))
  })
})
