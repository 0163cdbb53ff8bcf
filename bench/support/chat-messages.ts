import type { EventMessage } from '../../src/contracts/message.ts'

/** ASCII, Latin-1 and beyond: engines keep these texts in different ways, and encode them at different cost. */
const NAMES = ['Dana Scully', 'Ines Oliveira', 'Zoë Marlowe', 'Łukasz Nowak'] as const

/** Not one message over and over: engines remember what they made of a string. */
export const MESSAGES = 256

/** An ordinary event: a line as title, two as body, a link back. */
export function chatMessage(index: number): EventMessage {
  return KNOWN[index % MESSAGES] ?? messageOf(index)
}

const KNOWN: readonly EventMessage[] = Array.from({ length: MESSAGES }, (_, index) => messageOf(index))

function messageOf(index: number): EventMessage {
  const number = 1000 + index
  const id = `msg_${number}`
  const name = NAMES[index % NAMES.length]
  const timestamp = Date.UTC(2026, 10, 21, 9) + index * 1000
  const about = { orgId: 'org_1', orgName: 'Acme', timestamp }
  return {
    ...about,
    kind: 'event',
    id,
    event: {
      ...about,
      id: `evt_${number}`,
      messageId: id,
      type: 'case_assigned',
      category: 'cases',
      title: `Case ${number} was assigned to you`,
      body: `${name} assigned case ${number} (access request, Fox & Sons) to you.\nIt is due in 12 days.`,
      href: `https://app.example.com/cases/${number}?from=notification`,
      importance: 'normal',
      metadata: { caseId: `case_${number}`, priority: 3, labels: ['access', 'erasure'] },
      acceptedAt: timestamp,
    },
  }
}
