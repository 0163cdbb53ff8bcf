/** Who is compared with whom; what they are is loaded only in the process that runs them. */

export type Json = Readonly<Record<string, unknown>>
/** Sends the message of this number. */
export type Send = (index: number) => Promise<unknown>

export interface Competitor {
  /** The package, or `fetch`. */
  readonly name: string
  /** So many times less than this one's the transport's CPU is to be. */
  readonly goal: number
  /** The JSON out of what was written, where that is something else. */
  json?(written: string): unknown
}

export interface Contest {
  readonly transport: string
  readonly peers: readonly Competitor[]
}

export const CONTESTS: readonly Contest[] = [
  {
    transport: 'slack',
    peers: [
      {
        name: '@slack/web-api',
        goal: 6,
        // It writes a form; what is not text is JSON in it.
        json: (form) =>
          Object.fromEntries(
            [...new URLSearchParams(form)].map(([name, value]) => [
              name,
              name === 'blocks' || name.startsWith('unfurl_') ? JSON.parse(value) : value,
            ]),
          ),
      },
    ],
  },
  { transport: 'slack-webhook', peers: [{ name: '@slack/webhook', goal: 5 }] },
  { transport: 'teams-workflow', peers: [{ name: 'ms-teams-webhook', goal: 4 }] },
  {
    transport: 'webhook',
    peers: [
      { name: 'axios', goal: 5 },
      { name: 'fetch', goal: 5 },
      { name: 'notifme-sdk', goal: 2.3 },
      { name: 'svix', goal: 8, json: (written) => JSON.parse(written).payload },
    ],
  },
]
