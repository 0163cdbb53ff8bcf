import { z } from 'zod'
import type { FieldDescription, Transport } from '../../contracts/transport.ts'

/** What a form, or the `config` of an OAuth grant, gives. */
export interface SlackConfigInput {
  /**
   * The workspace's (team's) id, `T…`. Required, though not by this type: it takes the `config` of a grant or of a
   * channel as it is, of which TypeScript knows only that it has texts.
   */
  readonly workspaceId?: string | undefined
  /** @default the id */
  readonly workspaceName?: string | undefined
  /** Where to post: the channel's id, `C…`. Without one the connection is `incomplete`. */
  readonly channelId?: string | undefined
  /** With `#` or without. @default the id */
  readonly channelName?: string | undefined
  /** Secret. The grant's incoming webhook, for a channel that the bot is not a member of. */
  readonly webhookUrl?: string | undefined
  /** The channel that the incoming webhook is bound to: it takes over for no other. */
  readonly webhookChannelId?: string | undefined
}

export interface SlackConfig {
  readonly workspaceId: string
  readonly workspaceName: string
  readonly channelId?: string
  /** Without `#`. */
  readonly channelName?: string
  readonly webhookUrl?: string
  readonly webhookChannelId?: string
}

export const FIELDS: readonly FieldDescription[] = [
  { name: 'workspaceId', label: 'Workspace ID', kind: 'text', required: true },
  { name: 'workspaceName', label: 'Workspace', kind: 'text', required: false },
  { name: 'channelId', label: 'Channel', kind: 'channel', required: false },
  { name: 'channelName', label: 'Channel name', kind: 'text', required: false },
  {
    name: 'webhookUrl',
    label: 'Incoming webhook URL',
    kind: 'url',
    required: false,
    secret: true,
    help: 'Posts to the channel that it is bound to where the app is not a member',
  },
  { name: 'webhookChannelId', label: 'Channel of the incoming webhook', kind: 'text', required: false },
]

/** Must accept what it gives: a name keeps its form, and ids are what stands in for names. */
export function slackConfig(
  isHookUrl: (url: string) => boolean,
): Transport<string, SlackConfigInput, SlackConfig>['config'] {
  const id = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be an id of Slack: letters and digits, no name')
  const name = z.string().trim().min(1, 'must not be empty').max(256, 'must be at most 256 characters')
  const url = z
    .string()
    .max(2048, 'must be at most 2048 characters')
    .refine(isHookUrl, 'must be an incoming webhook of Slack')
  return z
    .strictObject({
      workspaceId: id,
      workspaceName: name.optional(),
      channelId: id.optional(),
      channelName: name.optional(),
      webhookUrl: url.optional(),
      webhookChannelId: id.optional(),
    })
    .transform(({ workspaceId, workspaceName, channelId, channelName, webhookUrl, webhookChannelId }): SlackConfig => {
      return {
        workspaceId,
        workspaceName: workspaceName ?? workspaceId,
        ...(channelId === undefined
          ? {}
          : { channelId, channelName: channelName?.replace(/^#+(?=.)/, '') ?? channelId }),
        ...(webhookUrl === undefined ? {} : { webhookUrl }),
        ...(webhookChannelId === undefined ? {} : { webhookChannelId }),
      }
    })
}

/** `#general`, or the id of a channel whose name nobody told. */
export function channelLabel({ channelId, channelName = channelId }: SlackConfig): string | undefined {
  return channelName === undefined || channelName === channelId ? channelId : `#${channelName}`
}
