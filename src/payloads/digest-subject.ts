/** The subject of a digest, where nobody words another: `3 updates from Acme`. */
export function defaultDigestSubject(total: number, orgName: string): string {
  return `${total} ${total === 1 ? 'update' : 'updates'} from ${orgName}`
}
