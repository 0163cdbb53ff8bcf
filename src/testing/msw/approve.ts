import { invalidInput } from '../../errors.ts'

/** Where the browser is sent after the person approved. */
export interface Redirect {
  readonly code: string
  /** As the authorize URL had it; '' where it had none. */
  readonly state: string
  /** The app's redirect URI with both. */
  readonly url: string
}

/** What authorize pages check before they show their form. `issue` makes the code. */
export function approveUrl(
  authorizeUrl: string,
  app: { readonly clientId: string; readonly redirectUri: string },
  issue: (query: URLSearchParams) => string,
): Redirect {
  if (!URL.canParse(authorizeUrl)) throw invalidInput('authorizeUrl', 'must be an absolute URL')
  const { searchParams: query } = new URL(authorizeUrl)
  if (query.get('client_id') !== app.clientId) throw invalidInput('authorizeUrl', 'names another client_id')
  const redirectUri = query.get('redirect_uri') ?? app.redirectUri
  if (redirectUri !== app.redirectUri) throw invalidInput('authorizeUrl', 'names a redirect_uri that the app has not')
  const code = issue(query)
  const state = query.get('state') ?? ''
  const url = new URL(redirectUri)
  url.searchParams.set('code', code)
  if (state !== '') url.searchParams.set('state', state)
  return { code, state, url: url.href }
}
