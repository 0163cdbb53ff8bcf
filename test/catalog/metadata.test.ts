import type { StandardSchemaV1 } from '@standard-schema/spec'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { applySummary, parseMetadata } from '../../src/catalog/metadata.ts'

const schema = z.object({ caseId: z.string(), tags: z.array(z.string()).default([]) })

/** A Standard Schema that answers as it is told. */
function answering(validate: StandardSchemaV1<unknown, object>['~standard']['validate']) {
  return { metadata: { '~standard': { version: 1 as const, vendor: 'test', validate } } }
}

describe('metadata', () => {
  it('is stored as the output of its schema: defaults filled in, unknown keys gone', () => {
    expect(parseMetadata({ metadata: schema }, { caseId: 'c1', more: 1 })).toEqual({ caseId: 'c1', tags: [] })
  })

  it('is refused with the path and the message of each issue', () => {
    expect(() => parseMetadata({ metadata: schema }, { caseId: 5, tags: ['a', 7] })).toThrow(
      expect.objectContaining({
        code: 'invalid_input',
        field: 'metadata.caseId',
        message: expect.stringMatching(/^metadata\.caseId: .*; metadata\.tags\[1\]: /),
      }),
    )
    expect(() => parseMetadata({ metadata: schema }, undefined, 'events[3].metadata')).toThrow(
      expect.objectContaining({ field: 'events[3].metadata' }),
    )
  })

  it('tells five issues at most, and how many there are beside them', () => {
    const definition = answering(() => ({
      issues: Array.from({ length: 8 }, (_, i) => ({ message: 'no', path: [{ key: i }] })),
    }))
    expect(() => parseMetadata(definition, {})).toThrow(/metadata\[4\]: no; and 3 more$/)
    expect(() =>
      parseMetadata(
        answering(() => ({ issues: [] })),
        {},
      ),
    ).toThrow('metadata: is invalid')
  })

  it('needs a synchronous schema', async () => {
    const slow = answering(() => Promise.reject(new Error('late')))
    expect(() => parseMetadata(slow, {})).toThrow(expect.objectContaining({ code: 'invalid_input', field: 'metadata' }))
    const zod = { metadata: z.object({}).refine(async () => true) }
    expect(() => parseMetadata(zod, {})).toThrow(/asynchronous/)
  })

  it('is refused where the schema throws or answers no object', () => {
    const broken = answering(() => {
      throw new Error('secret value')
    })
    expect(() => parseMetadata(broken, {})).toThrow(
      expect.objectContaining({ message: 'metadata: its schema threw', cause: expect.any(Error) }),
    )
    for (const value of [null, ['a'], 'text']) {
      const definition = answering(() => ({ value: value as unknown as object }))
      expect(() => parseMetadata(definition, {})).toThrow(expect.objectContaining({ field: 'metadata' }))
    }
  })

  it('is any object, or none, where the definition has no schema', () => {
    const metadata = { a: 1 }
    expect(parseMetadata({}, metadata)).toBe(metadata)
    expect(parseMetadata(undefined, undefined)).toBeUndefined()
    for (const wrong of [null, [], 'text', 5]) {
      expect(() => parseMetadata({}, wrong)).toThrow(expect.objectContaining({ field: 'metadata' }))
    }
  })
})

describe('summary', () => {
  const definition = {
    summary: ({ caseId }: { caseId: string }) => ({
      title: `Case ${caseId}`,
      body: 'Look at it.',
      href: `https://a.example/${caseId}`,
    }),
  }

  it('gives the words that the event was not given', () => {
    const event = { type: 'case_assigned', metadata: { caseId: '7' } }
    expect(applySummary(definition, event)).toEqual({
      title: 'Case 7',
      body: 'Look at it.',
      href: 'https://a.example/7',
    })
    expect(applySummary(definition, { ...event, title: 'Mine', body: '' })).toEqual({
      title: 'Mine',
      body: '',
      href: 'https://a.example/7',
    })
  })

  it('is not asked where nothing is missing', () => {
    const words = { title: 't', body: 'b', href: 'https://a.example' }
    const fails = () => {
      throw new Error('was asked')
    }
    expect(applySummary({ summary: fails }, { type: 'x', ...words })).toEqual(words)
  })

  it('tells what is missing without one', () => {
    expect(() => applySummary({}, { type: 'x', title: 't', href: 'https://a.example' })).toThrow(
      expect.objectContaining({ code: 'invalid_input', field: 'body', message: 'body: is required' }),
    )
  })

  it('tells when it is at fault itself', () => {
    const fails = () => {
      throw new Error('oops')
    }
    expect(() => applySummary({ summary: fails }, { type: 'x' })).toThrow(
      expect.objectContaining({ code: 'invalid_input', field: 'type' }),
    )
    const partial = { summary: () => ({ title: 't' }) as { title: string; body: string; href: string } }
    expect(() => applySummary(partial, { type: 'x' })).toThrow(/^body: the summary of 'x' gives no text for it$/)
  })
})
