import { type Command, InvalidArgumentError, Option } from 'commander'
import { FORMAT_NAMES, SCHEME_NAMES } from './schemes.ts'

const NETWORK = `
URLs that are typed may lead to this machine (localhost) and to private networks, over http: too, at the port that is
typed. Anything public needs https:. Link-local addresses, where clouds keep metadata, are always refused. Redirects are
not followed.`

const SECRET = `
A secret on the command line can be seen in the list of processes: WEBHOOK_SECRET in the environment can not.`

export interface ListenOptions {
  readonly port: number
  readonly host: string
  readonly scheme: string
  readonly secret?: readonly string[]
  readonly forwardTo?: string
  readonly save?: string
  readonly json?: true
}

export function listenOptions(command: Command): Command {
  return command
    .description('Receive webhooks: verify, print and forward them.')
    .option('-p, --port <number>', 'port to listen on; 0: any free one', whole(0, 65_535), 4000)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .addOption(schemeOption())
    .option('--secret <secret>', 'signing secret; several times while one is rotated (or WEBHOOK_SECRET)', collect)
    .option('--forward-to <url>', 'send each verified request on as it came: method, headers, raw body', webUrl)
    .option('--save <folder>', 'keep the raw body of each verified request as a file')
    .option('--json', 'one line of JSON for each request')
    .addHelpText(
      'after',
      `
Without a secret one is generated, and printed once. With --forward-to the sender gets the answer of that URL, else 204;
a request that is not verified is answered 400, and not forwarded. Ctrl+C ends.
${SECRET}
${NETWORK}

Examples:
  signalbox listen --scheme stripe --secret whsec_… --forward-to http://localhost:3000/webhooks
  WEBHOOK_SECRET=whsec_… signalbox listen --json`,
    )
}

export interface SendOptions {
  readonly url: string
  readonly scheme: string
  readonly secret?: string
  readonly format?: string
  readonly type: string
  readonly title?: string
  readonly body?: string
  readonly href: string
  readonly metadata?: object
  readonly count: number
  readonly timeout: number
  readonly json?: true
}

export function sendOptions(command: Command): Command {
  return command
    .description('Send signed webhooks to a URL.')
    .requiredOption('--url <url>', 'where to POST', webUrl)
    .addOption(schemeOption())
    .option('--secret <secret>', 'signing secret (or WEBHOOK_SECRET)')
    .addOption(new Option('--format <name>', 'format of the body (default: that of the scheme)').choices(FORMAT_NAMES))
    .option('--type <type>', "type of the event; 'test' and 'digest' are messages of their own kind", 'test')
    .option('--title <text>', 'title of the event')
    .option('--body <text>', 'text of the event')
    .option('--href <url>', 'link of the event', webUrl, 'https://example.com/')
    .option('--metadata <json>', 'metadata of the event', jsonObject)
    .option(
      '--count <number>',
      'how many messages, one after the other, each with an id of its own',
      whole(1, 10_000),
      1,
    )
    .option('--timeout <ms>', 'for each exchange', whole(1, 600_000), 10_000)
    .option('--json', 'one line of JSON for each message')
    .addHelpText(
      'after',
      `
Ends with 0 when everything was delivered (2xx), 1 when something was not, 2 for a mistake in the command line.
${SECRET}
${NETWORK}

Examples:
  signalbox send --url http://localhost:3000/webhooks --secret whsec_… --type test
  signalbox send --url https://hooks.example.com/in --scheme ghost --type breach_logged --title 'Breach logged'`,
    )
}

function schemeOption(): Option {
  return new Option('--scheme <name>', 'signature scheme').choices(SCHEME_NAMES).default('standard')
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}

function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d{1,9}$/.test(text) && value >= least && value <= most) return value
    throw new InvalidArgumentError(`Must be a whole number from ${least} to ${most}.`)
  }
}

function webUrl(text: string): string {
  if (/^https?:\/\//i.test(text) && URL.canParse(text)) return text
  throw new InvalidArgumentError('Must be an absolute http: or https: URL.')
}

function jsonObject(text: string): object {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // Told below, without the parser's words.
  }
  throw new InvalidArgumentError('Must be a JSON object.')
}
