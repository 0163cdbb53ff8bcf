import { describe, expect, it } from 'vitest'
import { type SalesforceFake, salesforceFake } from '../../../src/testing/msw.ts'
import { call, intercept, refusalOf } from './support.ts'

const PATH = '/services/data/v68.0/sobjects/Lead'
const NAMED = { LastName: 'Doe', Company: 'Acme' }

function start(): SalesforceFake {
  const salesforce = salesforceFake({ fields: ['Score__c'], externalIdField: 'Key__c' })
  intercept(salesforce)
  return salesforce
}

function patch(salesforce: SalesforceFake, path: string, body: unknown, token = salesforce.token) {
  return call(`${salesforce.instanceUrl}${PATH}${path}`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

describe('Leads of the Salesforce fake', () => {
  it('are created and updated by their external id', async () => {
    const salesforce = start()
    const first = await patch(salesforce, '/Key__c/k%2F1', NAMED)
    expect(first).toMatchObject({ status: 201, json: { success: true, created: true } })
    const second = await patch(salesforce, '/Key__c/k%2F1', { Score__c: 65, City: null })
    expect(second).toMatchObject({ status: 200, json: { id: first.json.id, created: false } })
    expect([...salesforce.leads]).toEqual([['k/1', { ...NAMED, Score__c: 65, City: null }]])
    expect(salesforce.received).toMatchObject([{ externalId: 'k/1', created: true }, { fields: { Score__c: 65 } }])
  })

  it.each<[string, unknown, string, string]>([
    ['a new one without a name', { Company: 'Acme' }, 'REQUIRED_FIELD_MISSING', '[LastName]'],
    ['a new one with nothing', {}, 'REQUIRED_FIELD_MISSING', '[LastName, Company]'],
    ['an empty name', { ...NAMED, LastName: '' }, 'REQUIRED_FIELD_MISSING', '[LastName]'],
    ['an unknown field', { ...NAMED, Size__c: 4 }, 'INVALID_FIELD', "'Size__c'"],
    ['the external id in the body', { ...NAMED, Key__c: 'k1' }, 'INVALID_FIELD', 'Key__c'],
    ['an Id in the body', { ...NAMED, Id: '00Q1' }, 'INVALID_FIELD', 'Id'],
    ['a text that is too long', { ...NAMED, City: 'x'.repeat(41) }, 'STRING_TOO_LONG', 'max length=40'],
    ['an address that is none', { ...NAMED, Email: 'jane' }, 'INVALID_EMAIL_ADDRESS', 'Email'],
    ['what is no JSON', '{', 'JSON_PARSER_ERROR', 'JSON'],
  ])('refuse %s', async (_what, body, errorCode, words) => {
    const salesforce = start()
    const { status, json } = await patch(salesforce, '/Key__c/k1', body)
    expect([status, json[0].errorCode]).toEqual([400, errorCode])
    expect(json[0].message).toContain(words)
    expect(salesforce.leads.size).toBe(0)
  })

  it('need a token that is good, and the right path', async () => {
    const salesforce = start()
    expect(await patch(salesforce, '/Key__c/k1', NAMED, '00Dx')).toMatchObject({
      status: 401,
      json: [{ message: 'Session expired or invalid', errorCode: 'INVALID_SESSION_ID' }],
    })
    expect((await patch(salesforce, '/Other__c/k1', NAMED)).json[0].errorCode).toBe('NOT_FOUND')
    expect((await patch(salesforce, '', NAMED)).status).toBe(404)
    salesforce.expireTokens()
    expect((await patch(salesforce, '/Key__c/k1', NAMED)).status).toBe(401)
    expect((await patch(salesforce, '/Key__c/k1', NAMED, salesforce.issueToken())).status).toBe(201)
  })

  it('are ambiguous where two have the same external id', async () => {
    const salesforce = start()
    salesforce.duplicate('k1')
    const { status, json } = await patch(salesforce, '/Key__c/k1', NAMED)
    expect([status, json.length]).toEqual([300, 2])
    expect((await patch(salesforce, '/Key__c/k2', NAMED)).status).toBe(201)
  })

  it('fail as ordered, and are as they were after reset', async () => {
    const salesforce = start()
    salesforce.fail('UNABLE_TO_LOCK_ROW')
    salesforce.fail('REQUEST_LIMIT_EXCEEDED')
    salesforce.fail(502)
    salesforce.fail('network_error')
    const send = () => patch(salesforce, '/Key__c/k1', NAMED)
    expect((await send()).json[0].errorCode).toBe('UNABLE_TO_LOCK_ROW')
    expect((await send()).status).toBe(403)
    expect((await send()).status).toBe(502)
    await expect(send()).rejects.toThrow(TypeError)
    salesforce.duplicate('k1')
    salesforce.expireTokens()
    salesforce.rateLimit({ perSecond: 0.001 })
    salesforce.reset()
    expect(salesforce.requests).toEqual([])
    expect([(await send()).status, (await send()).status]).toEqual([201, 200])
    salesforce.rateLimit({ perSecond: 0.001 })
    await send()
    expect((await send()).json[0].errorCode).toBe('REQUEST_LIMIT_EXCEEDED')
    expect(refusalOf(() => salesforce.fail(1))).toMatch(/^failure: /)
    expect(refusalOf(() => salesforceFake({ instanceUrl: 'https://acme.my.salesforce.com/' }))).toMatch(
      /^instanceUrl: /,
    )
  })
})
