import { describe, expect, it } from 'vitest'
import { type HubspotFake, hubspotFake } from '../../../src/testing/msw.ts'
import { call, intercept, postJson, refusalOf } from './support.ts'

const URL_V3 = 'https://api.hubapi.com/crm/v3/objects/contacts/batch/upsert'

function start(): HubspotFake {
  const hubspot = hubspotFake({ properties: ['score'] })
  intercept(hubspot)
  return hubspot
}

const contact = (id: string, properties: object = {}) => ({ id, idProperty: 'email', properties })
const upsert = (hubspot: HubspotFake, inputs: unknown, token = hubspot.token) =>
  postJson(URL_V3, { inputs }, { authorization: `Bearer ${token}` })

describe('contacts of the HubSpot fake', () => {
  it('are created and updated by their address, in any case', async () => {
    const hubspot = start()
    const first = await upsert(hubspot, [contact('jane@example.com', { city: 'Austin' })])
    const second = await upsert(hubspot, [contact('Jane@example.com', { score: '65' })])
    expect(first).toMatchObject({ status: 200, json: { status: 'COMPLETE', results: [{ new: true }] } })
    expect(second.json.results[0]).toMatchObject({ id: first.json.results[0].id, new: false })
    expect(hubspot.contacts.get('jane@example.com')).toMatchObject({ city: 'Austin', score: '65' })
    expect(hubspot.received.map((one) => one.created)).toEqual([true, false])
  })

  it.each<[string, unknown, string]>([
    ['no inputs', undefined, 'inputs must not be empty'],
    ['too many inputs', Array.from({ length: 101 }, (_, n) => contact(`a${n}@example.com`)), 'must not exceed 100'],
    ['an unknown property', [contact('a@example.com', { size: '4' })], 'PROPERTY_DOESNT_EXIST'],
    ['a number', [contact('a@example.com', { score: 65 })], 'score must be a string'],
    ['no address', [contact('a')], 'INVALID_EMAIL'],
    ['no idProperty', [{ id: 'a@example.com', properties: {} }], 'idProperty'],
    ['no properties', [{ id: 'a@example.com', idProperty: 'email' }], 'properties'],
    ['one contact twice', [contact('a@example.com'), contact('A@example.com')], 'Duplicate IDs'],
  ])('refuse %s', async (_what, inputs, words) => {
    const hubspot = start()
    const { status, json } = await upsert(hubspot, inputs)
    expect([status, json.status, json.category]).toEqual([400, 'error', 'VALIDATION_ERROR'])
    expect(json.message).toContain(words)
    expect([hubspot.received, hubspot.contacts.size]).toEqual([[], 0])
  })

  it('need a token that is good', async () => {
    const hubspot = start()
    const missing = await postJson(URL_V3, { inputs: [contact('a@example.com')] })
    expect(missing).toMatchObject({ status: 401, json: { category: 'INVALID_AUTHENTICATION' } })
    expect((await upsert(hubspot, [contact('a@example.com')], 'CPSBx')).json.category).toBe('INVALID_AUTHENTICATION')
    hubspot.expireTokens()
    expect((await upsert(hubspot, [contact('a@example.com')])).json.category).toBe('EXPIRED_AUTHENTICATION')
    expect((await upsert(hubspot, [contact('a@example.com')], hubspot.issueToken())).status).toBe(200)
  })

  it('need JSON, and the right path', async () => {
    const hubspot = start()
    const headers = { authorization: `Bearer ${hubspot.token}` }
    expect((await postJson(URL_V3, '{', headers)).json.category).toBe('VALIDATION_ERROR')
    expect((await call(URL_V3, { method: 'POST', headers, body: '{}' })).status).toBe(415)
    expect((await call(URL_V3, { headers })).status).toBe(404)
    const newer = 'https://api.hubapi.com/crm/objects/2026-03/contacts/batch/upsert'
    expect((await postJson(newer, { inputs: [contact('a@example.com')] }, headers)).status).toBe(200)
  })

  it('fail as ordered, limited or for the one contact', async () => {
    const hubspot = start()
    const inputs = [contact('a@example.com')]
    hubspot.fail('CONFLICT')
    hubspot.fail({ item: 'VALIDATION_ERROR' })
    hubspot.fail('DAILY', { retryAfter: 7 })
    hubspot.fail(503)
    hubspot.fail('network_error')
    expect((await upsert(hubspot, inputs)).status).toBe(409)
    expect(await upsert(hubspot, inputs)).toMatchObject({ status: 207, json: { results: [], numErrors: 1 } })
    const limited = await upsert(hubspot, inputs)
    expect([limited.status, limited.json.policyName, limited.headers.get('retry-after')]).toEqual([429, 'DAILY', '7'])
    expect((await upsert(hubspot, inputs)).status).toBe(503)
    await expect(upsert(hubspot, inputs)).rejects.toThrow(TypeError)
    expect(refusalOf(() => hubspot.fail(99))).toMatch(/^failure: /)
    expect(hubspot.received).toEqual([])
  })

  it('hold to a limit, and are as they were after reset', async () => {
    const hubspot = start()
    hubspot.rateLimit({ perSecond: 0.001 })
    const inputs = [contact('a@example.com')]
    expect((await upsert(hubspot, inputs)).status).toBe(200)
    expect((await upsert(hubspot, inputs)).json.policyName).toBe('TEN_SECONDLY_ROLLING')
    const issued = hubspot.issueToken()
    hubspot.expireTokens()
    hubspot.reset()
    expect([hubspot.received, hubspot.requests, hubspot.contacts.size]).toEqual([[], [], 0])
    expect((await upsert(hubspot, inputs, issued)).status).toBe(401)
    expect((await upsert(hubspot, inputs)).status).toBe(200)
  })
})
