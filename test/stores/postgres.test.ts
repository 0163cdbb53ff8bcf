import { afterAll, describe } from 'vitest'
import { storeContract } from '../../src/testing/index.ts'
import { testEach } from '../support/cases.ts'
import { dropSchema, openPool, postgresMissing } from '../support/postgres.ts'
import { reusedSchemas } from './postgres/contract.ts'

const missing = await postgresMissing()

describe.skipIf(missing !== undefined)('postgresStore', () => {
  const pool = openPool({ max: 10 })
  const schemas = reusedSchemas(() => pool)
  afterAll(async () => {
    await pool.end()
    for (const schema of schemas.made) await dropSchema(schema)
  })
  const cases = storeContract({
    ...schemas,
    async begin() {
      const client = await pool.connect()
      await client.query('BEGIN')
      const end = (sql: string) => async () => {
        await client.query(sql)
        client.release()
      }
      return { handle: client, commit: end('COMMIT'), rollback: end('ROLLBACK') }
    },
  })
  testEach(cases)
})
