import { afterAll, describe, expect, it } from 'vitest'
import { withLiterals } from '../../../src/stores/postgres/literals.ts'
import { openPool, postgresMissing } from '../../support/postgres.ts'

const missing = await postgresMissing()

const TEXTS = [
  '',
  'plain',
  "it's",
  "''; DROP TABLE lane; --",
  '\\',
  "\\'",
  "\\\\'; SELECT 1; --",
  'C:\\new\\table',
  '$1 and $2, $$ and $tag$',
  '{"a","b \\" c"}',
  'line\nend\ttab \u{1F989} ünï',
]

describe.skipIf(missing !== undefined)('values that are written out in a statement', () => {
  const pool = openPool({ max: 1 })
  afterAll(() => pool.end())

  it.each(['on', 'off'])('come back as they are, with standard_conforming_strings %s', async (setting) => {
    await pool.query(`SET standard_conforming_strings = ${setting}`)
    for (const text of TEXTS) {
      const statement = withLiterals('SELECT $1::text AS first, $2::text AS none, $1||$3::text AS both', [
        text,
        null,
        'x',
      ])
      const { rows } = await pool.query(statement)
      expect(rows).toEqual([{ first: text, none: null, both: `${text}x` }])
    }
  })

  it('that were not given are refused by the server, not taken for null', async () => {
    await expect(pool.query(withLiterals('SELECT $2::text', ['one']))).rejects.toMatchObject({ code: '42P02' })
  })
})
