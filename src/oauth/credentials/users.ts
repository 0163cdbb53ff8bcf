import type { Store } from '../../contracts/store.ts'
import type { CredentialName } from './name.ts'

const PAGE = 1000

/** The ids of the connections that name the credential. Reads all of the organisation's: for rare occasions. */
export async function connectionsWith(store: Store, { orgId, id }: CredentialName): Promise<readonly string[]> {
  const found: string[] = []
  let after: string | undefined
  do {
    const page = await store.connections.list({ orgId, limit: PAGE, ...(after === undefined ? {} : { after }) })
    for (const record of page.items) if (record.credentialId === id) found.push(record.id)
    after = page.next
  } while (after !== undefined)
  return found
}
