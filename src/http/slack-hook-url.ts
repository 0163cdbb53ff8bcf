import { allowedHosts } from './allowed-hosts.ts'

const SLACK_HOSTS: readonly string[] = Object.freeze(['hooks.slack.com', 'hooks.slack-gov.com'])

/**
 * Whether a text is the URL of an incoming webhook: https at a host of Slack, or at one of `hosts` instead (whether
 * those may use plain HTTP is for the egress options to say).
 *
 * @param field how errors name the option.
 * @throws SignalboxError `invalid_input` naming what is no host.
 */
export function slackHookUrl(hosts: readonly string[] | undefined, field: string): (url: string) => boolean {
  const isAllowed = allowedHosts(hosts ?? SLACK_HOSTS, field)
  return (text) => {
    if (!URL.canParse(text)) return false
    const url = new URL(text)
    return isAllowed(url) && (url.protocol === 'https:' || hosts !== undefined)
  }
}
