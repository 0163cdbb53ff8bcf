import { SignalboxError } from '../errors.ts'

/** What `authorize` is asked about: every managing call that changes or sends something. */
export type ManagedAction =
  | 'connections.create'
  | 'connections.connect'
  | 'connections.update'
  | 'connections.pause'
  | 'connections.resume'
  | 'connections.rotateSecret'
  | 'connections.test'
  | 'connections.delete'
  | 'deliveries.retry'
  | 'deliveries.cancel'
  | 'deliveries.retryFailed'
  | 'deliveries.replay'
  | 'digests.flush'

export interface AuthorizeRequest {
  readonly action: ManagedAction
  readonly orgId: string
  /** What the call was given as `actor`: the host's own idea of who is asking. */
  readonly actor?: unknown
}

/** The host's roles and plans. Only `true` lets a call through; any other answer makes it `forbidden`. */
export type Authorize = (request: AuthorizeRequest) => boolean | Promise<boolean>

/** Resolves if the host's `authorize` lets the call through, or there is none. @throws SignalboxError `forbidden` */
export async function permit(
  authorize: Authorize | undefined,
  action: ManagedAction,
  call: { readonly orgId: string; readonly actor?: unknown },
): Promise<void> {
  if (authorize === undefined) return
  const { orgId, actor } = call
  const allowed = await authorize({ action, orgId, ...(actor === undefined ? {} : { actor }) })
  if (allowed !== true) throw new SignalboxError('forbidden', `${action} was refused for this organisation`)
}
