/** Services that chat messages and webhooks are sent to, in a process of their own: they answer as the real ones do. */
import { fork } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'

export interface ChatService {
  /** `http://127.0.0.1:port` */
  readonly origin: string
  /** The body that came last. */
  lastBody(): Promise<string>
  close(): void
}

/** Not one message over and over: engines remember what they made of a string. */
export const MESSAGES = 256

/** The services' own; `hook` is anybody's webhook. */
export const PATHS = {
  slackApi: '/api/chat.postMessage',
  slackHook: '/services/T0123/B0123/secret',
  workflow: '/workflows/0123/triggers/manual/paths/invoke',
  svix: '/api/v1/app/app_1/msg',
  hook: '/hook',
} as const

const ANSWERS: Readonly<Record<string, readonly [contentType: string, body: string]>> = {
  [PATHS.slackApi]: ['application/json; charset=utf-8', '{"ok":true,"channel":"C0123","ts":"1763700000.000100"}'],
  [PATHS.slackHook]: ['text/html', 'ok'],
  [PATHS.workflow]: ['text/plain; charset=utf-8', '1'],
  [PATHS.svix]: [
    'application/json',
    '{"id":"msg_1srOrx2ZWZBpBUvZwXKQmoEYga2","eventType":"case_assigned","payload":{},"timestamp":"2026-11-21T09:00:00Z"}',
  ],
  [PATHS.hook]: ['application/json', '{"ok":true}'],
}

export async function startChatService(): Promise<ChatService> {
  const child = fork(fileURLToPath(import.meta.url), ['serve'])
  const answer = () => new Promise<unknown>((resolve) => child.once('message', resolve))
  const port = Number(await answer())
  return {
    origin: `http://127.0.0.1:${port}`,
    lastBody: async () => {
      const body = answer()
      child.send('last')
      return String(await body)
    },
    close: () => child.disconnect(),
  }
}

if (process.argv[2] === 'serve' && process.send !== undefined) {
  let last: readonly Buffer[] = []
  const server = createServer((request, response) => {
    const [path = ''] = (request.url ?? '').split('?')
    const answer = ANSWERS[path]
    const chunks: Buffer[] = []
    request
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => {
        last = chunks
        if (answer === undefined) return void response.writeHead(404).end()
        response.setHeader('content-type', answer[0]).end(answer[1])
      })
  })
  server.keepAliveTimeout = 120_000
  server.listen(0, '127.0.0.1', 4096, () => process.send?.((server.address() as AddressInfo).port))
  process.on('message', () => process.send?.(Buffer.concat(last).toString()))
  process.on('disconnect', () => process.exit())
}
