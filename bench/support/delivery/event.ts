/** What all contenders of `delivery.ts` deliver: 402 bytes, each with a number by which the receiver knows it. */

export const SECRET = 'a secret of the bench, 32 bytes!'

export interface BenchEvent {
  readonly orgId: string
  readonly type: string
  readonly title: string
  readonly body: string
  readonly href: string
  readonly orgName: string
  readonly metadata: { readonly caseId: string; readonly priority: number; readonly labels: readonly string[] }
}

/** `orgs`: of so many organisations, in turn. */
export function eventOf(number: number, orgs = 1): BenchEvent {
  return {
    orgId: orgIdOf(number % orgs),
    type: 'case_assigned',
    title: 'A case was assigned to you',
    body: 'x'.repeat(142),
    href: 'https://app.example.com/cases/1234567890',
    orgName: 'Acme',
    metadata: { caseId: `case_${String(number).padStart(10, '0')}`, priority: 3, labels: ['access', 'erasure'] },
  }
}

export function orgIdOf(index: number): string {
  return `org_${index}`
}

/** What `ghostFormat` makes of the event. */
export function bodyOf({ type, title, body, href, orgName, metadata }: BenchEvent): string {
  return JSON.stringify({ type, title, body, href, orgName, metadata, timestamp: new Date().toISOString() })
}
