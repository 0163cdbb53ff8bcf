/** An answer as data. */
export interface Answer {
  readonly status: number
  readonly body: object
  readonly headers?: Readonly<Record<string, string>>
}

export function refusal(status: number, code: string, error: string, field?: string): Answer {
  return { status, body: { success: false, code, error, ...(field === undefined ? {} : { field }) } }
}

/** Answers are about a session: they are nobody else's, and no cache's. */
export function answered({ status, body, headers }: Answer): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...headers,
    },
  })
}
