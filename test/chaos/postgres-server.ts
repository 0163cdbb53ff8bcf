import { execFileSync } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { freePort } from './free-port.ts'
import { type OwnProcess, onPath, startOwnProcess } from './own-process.ts'

/** A PostgreSQL of the test's own, on loopback, which can be stopped without harm to others. */
export interface PostgresServer {
  readonly url: string
  /** `fast`: ends the connections and writes everything down. `immediate`: as after a crash. */
  stop(mode: 'fast' | 'immediate'): Promise<void>
  /** Resolves when it answers. */
  start(): Promise<void>
  /** Stops it, and removes its files. */
  close(): Promise<void>
}

const ANSWERS_WITHIN_MS = 30_000
/** PostgreSQL refuses to run as root. */
const OTHER_USERS = ['postgres', 'nobody']

/** Why there can't be one, which is printed; `undefined` where there can. */
export function postgresServerMissing(): string | undefined {
  if (binaries() !== undefined) return undefined
  const reason = 'no initdb and postgres (PATH, pg_config --bindir, /usr/lib/postgresql)'
  console.info(`skipped: ${reason}`)
  return reason
}

export async function startPostgresServer(): Promise<PostgresServer> {
  const bin = binaries()
  if (bin === undefined) throw new Error('there is no PostgreSQL to start')
  const user = otherUser()
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-postgres-'))
  if (user !== undefined) chownSync(folder, user.uid, user.gid)
  const data = join(folder, 'data')
  const postgres = join(bin, 'postgres')
  const as = { ...user, cwd: folder, env: { PATH: process.env.PATH, LC_ALL: 'C' } }
  const port = await freePort()
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  let server: OwnProcess | undefined

  async function start(): Promise<void> {
    const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'shared_buffers=32MB']
    const args = ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])]
    server = startOwnProcess(postgres, args, as)
    const giveUpAt = performance.now() + ANSWERS_WITHIN_MS
    while (!(await answers(url))) {
      if (!server.running() || performance.now() > giveUpAt) {
        throw new Error(`PostgreSQL does not answer: ${server.output()}`)
      }
      await pause(50)
    }
  }

  async function stop(mode: 'fast' | 'immediate'): Promise<void> {
    await server?.end(mode === 'fast' ? 'SIGINT' : 'SIGQUIT')
    server = undefined
  }

  async function close(): Promise<void> {
    await stop('immediate')
    rmSync(folder, { recursive: true, force: true })
  }

  try {
    const settings = ['--username=postgres', '--auth=trust', '--encoding=UTF8', '--no-locale', '--no-sync']
    execFileSync(join(bin, 'initdb'), ['-D', data, ...settings], { ...as, stdio: 'pipe' })
    await start()
  } catch (error) {
    await close()
    throw error
  }
  return { url, start, stop, close }
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.end()
    return true
  } catch {
    return false
  }
}

/** Those that are on the way; of those that a package has put away, of the newest version. */
function binaries(): string | undefined {
  const versions = '/usr/lib/postgresql'
  const packaged = existsSync(versions) ? readdirSync(versions).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [
    ...[onPath('initdb')].flatMap((file) => (file === undefined ? [] : dirname(file))),
    ...configured(),
    ...packaged.map((version) => join(versions, version, 'bin')),
  ]
  return folders.find((folder) => ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))))
}

function configured(): readonly string[] {
  const config = onPath('pg_config')
  if (config === undefined) return []
  try {
    return [execFileSync(config, ['--bindir'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()]
  } catch {
    return []
  }
}

/** Who runs it where this process is root's; `undefined`: this process's own user. */
function otherUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  for (const name of OTHER_USERS) {
    try {
      const idOf = (which: string): number =>
        Number(execFileSync('id', [which, name], { encoding: 'utf8', stdio: 'pipe' }))
      return { uid: idOf('-u'), gid: idOf('-g') }
    } catch {
      // there is no such user
    }
  }
  throw new Error(`PostgreSQL can't be started as root, and there is no user ${OTHER_USERS.join(' or ')}`)
}
