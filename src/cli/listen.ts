import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { isReceiveError, type Receiver, receiver } from 'signalbox/receiving'
import { generateSecret } from 'signalbox/signing'
import type { CliContext, ExitCode } from './context.ts'
import { createForwarder, type Forwarded, type Forwarder } from './forward.ts'
import type { ListenOptions } from './options.ts'
import { createOutput } from './output.ts'
import { humanReport, isSuccess, jsonReport, type Report, type Totals } from './report.ts'
import { createSaver } from './save.ts'
import { schemeNamed, secretsFrom } from './schemes.ts'

const MAX_BODY_BYTES = 10_485_760

/** `signalbox listen`: ends when the context's signal is aborted. */
export async function listen(context: CliContext, options: ListenOptions): Promise<ExitCode> {
  const given = secretsFrom(options.secret, context.env)
  const generated = given.length === 0 ? generateSecret() : undefined
  const output = createOutput(context.stdout, given)
  const report = options.json === true ? jsonReport(output) : humanReport(output)
  const hooks = receiver({
    scheme: schemeNamed(options.scheme),
    secrets: generated === undefined ? given : [generated],
    maxBodyBytes: MAX_BODY_BYTES,
  })
  const forwarder = options.forwardTo === undefined ? undefined : createForwarder(options.forwardTo, context.signal)
  const totals = { received: 0, refused: 0, duplicates: 0, forwarded: 0, failed: 0 }
  const handle = createHandler({
    hooks,
    report,
    forwarder,
    totals,
    save: options.save === undefined ? undefined : createSaver(options.save),
  })
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      context.stderr.write(`error: ${error instanceof Error ? error.message : 'unknown'}\n`)
      response.writeHead(500).end()
    })
  })

  try {
    const url = await opened(server, options)
    report.started({
      url,
      scheme: options.scheme,
      ...(generated === undefined ? {} : { secret: generated }),
      ...(forwarder === undefined ? {} : { forwardTo: forwarder.name }),
    })
    await aborted(context.signal)
    report.ended(totals)
    return 0
  } catch (error) {
    if (!isSystemError(error)) throw error
    const reason = error.code === 'EADDRINUSE' ? 'the port is in use' : error.code
    context.stderr.write(`error: can't listen on ${options.host}:${options.port}: ${reason}\n`)
    return 1
  } finally {
    server.close()
    server.closeAllConnections()
    await forwarder?.close()
  }
}

interface HandlerDeps {
  readonly hooks: Receiver
  readonly report: Report
  readonly forwarder: Forwarder | undefined
  readonly save: ReturnType<typeof createSaver> | undefined
  readonly totals: { -readonly [K in keyof Totals]: number }
}

function createHandler({ hooks, report, forwarder, save, totals }: HandlerDeps) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', url = '', headers } = request
    const path = url.split('?', 1)[0] ?? ''
    const at = Date.now()
    const body = await readBody(request)
    // The sender has hung up: nobody is left to be answered.
    if (body === undefined) return
    let webhook: Awaited<ReturnType<Receiver['receive']>>
    try {
      webhook = await hooks.receive({ method, headers, body })
    } catch (error) {
      if (!isReceiveError(error)) throw error
      totals.refused += 1
      report.refused({ error, at, method, path, bytes: body.byteLength })
      const { status, code, failure, field } = error
      const allow = status === 405 ? { allow: 'POST' } : {}
      response.writeHead(status, { 'content-type': 'application/json', ...allow })
      response.end(JSON.stringify({ error: code, reason: failure ?? field }))
      return
    }
    totals.received += 1
    if (webhook.duplicate) totals.duplicates += 1
    try {
      // Files first: what is forwarded may fail.
      const saved = await save?.(at, webhook.type, webhook.raw)
      const begun = performance.now()
      // Duplicates too: whether the application copes with them is what a person may want to see.
      const forwarded = await forwarder?.forward(headers, body)
      const ms = Math.round(performance.now() - begun)
      const success = forwarded === undefined || isSuccess(forwarded.status)
      if (forwarded !== undefined) totals.forwarded += 1
      if (!success) totals.failed += 1
      report.handled({
        webhook,
        at,
        ...(forwarded === undefined ? {} : { forwarded: { ...forwarded, ms } }),
        ...(saved === undefined ? {} : { saved }),
      })
      await (success ? webhook.confirm() : webhook.release())
      answer(response, forwarded)
    } catch (error) {
      await webhook.release()
      throw error
    }
  }
}

/** The sender gets what the application behind answered, so that its retries behave as they would there. */
function answer(response: ServerResponse, forwarded: Forwarded | undefined): void {
  if (forwarded === undefined) {
    response.writeHead(204).end()
    return
  }
  const { status, contentType, text } = forwarded
  response.writeHead(status, contentType === undefined ? {} : { 'content-type': contentType })
  response.end(text)
}

/** At most one chunk more than the receiver takes: it is the one to refuse. `undefined` where the body breaks off. */
async function readBody(request: IncomingMessage): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      chunks.push(chunk)
      size += chunk.byteLength
      if (size > MAX_BODY_BYTES) break
    }
  } catch {
    return undefined
  }
  request.resume()
  return Buffer.concat(chunks)
}

function opened(server: Server, { host, port }: ListenOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      const address = server.address()
      const actual = typeof address === 'object' && address !== null ? address.port : port
      resolve(`http://${host.includes(':') ? `[${host}]` : host}:${actual}`)
    })
  })
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error
}
