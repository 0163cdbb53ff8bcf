import { SignalboxError } from '../../errors.ts'
import type { Database } from './database.ts'

/** Of what is stored: one more with each change that older code would misread. */
const VERSION = 1

export function checkSchema(db: Database): Promise<void> {
  return db.run(async (tx) => {
    const stored = await tx.get<{ readonly version: number }>('schema')
    if (stored === undefined) tx.put('schema', { version: VERSION })
    else if (stored.version !== VERSION) {
      const what = `the data has version ${stored.version}, this signalbox needs ${VERSION}`
      throw new SignalboxError('schema_outdated', `keyValueStore: ${what}`)
    }
  })
}
