import { type HttpPort, isHttpError, undiciHttp } from 'signalbox/http'
import type { PayloadFormat } from 'signalbox/payloads'
import type { SignatureScheme } from 'signalbox/signing'
import type { CliContext, ExitCode } from './context.ts'
import { egressFor } from './egress.ts'
import type { SendOptions } from './options.ts'
import { createOutput, type Output } from './output.ts'
import { isSuccess } from './report.ts'
import { sampleMessage } from './sample-message.ts'
import { formatNamed, schemeNamed, secretsFrom } from './schemes.ts'

const MAX_ANSWER_LENGTH = 300

/** `signalbox send`. `usage` ends the command with a rule that the command line breaks. */
export async function send(
  context: CliContext,
  options: SendOptions,
  usage: (rule: string) => never,
): Promise<ExitCode> {
  const { url, count } = options
  const scheme = schemeNamed(options.scheme)
  const secrets = secretsFrom(options.secret === undefined ? undefined : [options.secret], context.env)
  if (secrets.length === 0 && scheme.unsigned !== true) {
    usage(`the scheme ${options.scheme} needs a secret: --secret or WEBHOOK_SECRET`)
  }
  for (const secret of secrets) scheme.checkSecret(secret)
  const output = createOutput(context.stdout, secrets)
  const http = undiciHttp({ ...egressFor(url), userAgent: `signalbox-cli/${context.version}` })
  let failed = 0
  try {
    http.check(url)
    const sender = { http, scheme, secrets, format: formatNamed(options.format, options.scheme), output }
    for (let sent = 0; sent < count && !context.signal.aborted; sent++) {
      const result = await sendOne(sender, options, context.signal)
      if (!result.delivered) failed += 1
      if (options.json === true) output.line(JSON.stringify({ kind: 'sent', ...result }))
      else {
        const { delivered, id, status, error, ms, answer } = result
        const verdict = output.style(delivered ? 'green' : 'red', `${delivered ? '✓' : '✗'} ${error ?? status}`)
        output.line(`${verdict}  ${id}${output.style('dim', `  ${ms} ms`)}`)
        if (!delivered && answer !== '') output.line(output.style('dim', `  ${answer}`))
      }
    }
    return failed > 0 || context.signal.aborted ? 1 : 0
  } finally {
    await http.close()
  }
}

interface Sender {
  readonly http: HttpPort
  readonly scheme: SignatureScheme
  readonly secrets: readonly string[]
  readonly format: PayloadFormat
  readonly output: Output
}

interface Result {
  readonly delivered: boolean
  readonly id: string
  readonly status?: number
  /** Why no answer came. */
  readonly error?: string
  readonly ms: number
  /** The beginning of the answer, safe to show. */
  readonly answer: string
}

async function sendOne(sender: Sender, options: SendOptions, signal: AbortSignal): Promise<Result> {
  const { http, scheme, secrets, format, output } = sender
  const sentAt = Date.now()
  const { title, body: text, metadata } = options
  const message = sampleMessage({ type: options.type, title, body: text, href: options.href, metadata }, sentAt)
  const { id } = message
  const { contentType, body, headers } = format.build(message)
  const begun = performance.now()
  const ms = (): number => Math.round(performance.now() - begun)
  try {
    const response = await http.request({
      method: 'POST',
      url: options.url,
      headers: { 'content-type': contentType, ...headers, ...scheme.sign({ id, sentAt, body, secrets }) },
      body,
      deadlineAt: sentAt + options.timeout,
      signal,
    })
    const answer = output.brief(response.text, MAX_ANSWER_LENGTH)
    return { delivered: isSuccess(response.status), id, status: response.status, ms: ms(), answer }
  } catch (error) {
    if (isHttpError(error)) return { delivered: false, id, error: error.code, ms: ms(), answer: error.message }
    if (signal.aborted) return { delivered: false, id, error: 'cancelled', ms: ms(), answer: '' }
    throw error
  }
}
