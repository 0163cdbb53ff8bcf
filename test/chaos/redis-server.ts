import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { freePort } from './free-port.ts'
import { type OwnProcess, onPath, startOwnProcess } from './own-process.ts'

/** A Redis of the test's own, on loopback, which can be killed and emptied without harm to others. */
export interface RedisServer {
  readonly url: string
  /** Kills it: what was not written down is gone. */
  stop(): Promise<void>
  /** Resolves when it answers. */
  start(): Promise<void>
  /** Forgets everything. */
  flush(): Promise<void>
  /** Stops it, and removes its files. */
  close(): Promise<void>
}

const ANSWERS_WITHIN_MS = 20_000

/** Why there can't be one, which is printed; `undefined` where there can. */
export function redisServerMissing(): string | undefined {
  if (onPath('redis-server') !== undefined) return undefined
  const reason = 'no redis-server (PATH)'
  console.info(`skipped: ${reason}`)
  return reason
}

/** `persistent`: it writes everything down as it comes, and has it again when it is started again. */
export async function startRedisServer(options: { readonly persistent: boolean }): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-redis-'))
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  const persistence = options.persistent ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no']
  let server: OwnProcess | undefined

  async function start(): Promise<void> {
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', ...persistence]
    server = startOwnProcess('redis-server', args)
    const giveUpAt = performance.now() + ANSWERS_WITHIN_MS
    while (!(await ask((client) => client.ping()).catch(() => false))) {
      if (!server.running() || performance.now() > giveUpAt) throw new Error('Redis does not answer')
      await pause(30)
    }
  }

  async function ask(question: (client: Redis) => Promise<unknown>): Promise<boolean> {
    const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 2000 })
    client.on('error', () => {})
    try {
      await client.connect()
      await question(client)
      return true
    } finally {
      client.disconnect()
    }
  }

  async function stop(): Promise<void> {
    await server?.end('SIGKILL')
    server = undefined
  }

  async function close(): Promise<void> {
    await stop()
    rmSync(folder, { recursive: true, force: true })
  }

  try {
    await start()
  } catch (error) {
    await close()
    throw error
  }
  return {
    url,
    start,
    stop,
    async flush() {
      await ask((client) => client.flushall())
    },
    close,
  }
}
