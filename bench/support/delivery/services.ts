/** PostgreSQL and Redis: whether they are there, what CPU they took, and cleaning up after contenders. */
import { readdir, readFile } from 'node:fs/promises'
import { Redis } from 'ioredis'
import pg from 'pg'

export interface ServiceHandle {
  /** CPU that the server took since it began, in µs; `undefined` where that can't be read from here. */
  cpu(): Promise<number | undefined>
  /** Called after a round: what the server put off until later is done before the next. */
  tidy(namespace: string): Promise<void>
  /** Removes what a contender made. */
  drop(namespace: string): Promise<void>
  close(): Promise<void>
}

/** `undefined`: none answers. */
export async function openPostgres(connectionString: string): Promise<ServiceHandle | undefined> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 5000 })
  if (
    !(await client.connect().then(
      () => true,
      () => false,
    ))
  )
    return undefined
  await client.query("SET client_min_messages = 'error'")
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  const postmaster = await parentOf(rows[0]?.pid ?? 0)
  return {
    cpu: async () => (postmaster === undefined ? undefined : cpuOfTree(postmaster)),
    async tidy(namespace) {
      const tables = await client.query<{ name: string }>(
        `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname IN ($1, $2)`,
        [namespace, `${namespace}_boss`],
      )
      for (const { name } of tables.rows) await client.query(`VACUUM (ANALYZE) ${name}`)
    },
    async drop(namespace) {
      for (const name of [namespace, `${namespace}_boss`]) await client.query(`DROP SCHEMA IF EXISTS "${name}" CASCADE`)
    },
    close: () => client.end(),
  }
}

/** The process that started this one, where both run here and are PostgreSQL's. */
async function parentOf(pid: number): Promise<number | undefined> {
  const stat = await statOf(pid)
  const parent = stat === undefined ? undefined : await statOf(stat.parent)
  return stat?.name.startsWith('postgres') && parent?.name.startsWith('postgres') ? stat.parent : undefined
}

/** Of the process, its children that run, and those that have ended. */
async function cpuOfTree(root: number): Promise<number> {
  let cpu = (await statOf(root))?.reapedCpu ?? 0
  for (const entry of await readdir('/proc')) {
    const pid = Number(entry)
    if (!Number.isInteger(pid)) continue
    if (pid === root || (await statOf(pid))?.parent === root) cpu += await cpuOf(pid)
  }
  return cpu
}

/** Linux counts `utime` and `stime` in ticks of 10 ms; the scheduler's own figure is exact. */
async function cpuOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/schedstat`, 'utf8').catch(() => '0')
  return Number(text.split(' ')[0]) / 1000
}

async function statOf(pid: number): Promise<{ name: string; parent: number; reapedCpu: number } | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  // the name is in brackets, and may hold any character; what follows begins with field 3
  const end = text.lastIndexOf(')')
  const fields = text.slice(end + 2).split(' ')
  const field = (number: number): number => Number(fields[number - 3])
  return { name: text.slice(text.indexOf('(') + 1, end), parent: field(4), reapedCpu: (field(16) + field(17)) * 10_000 }
}

/** `undefined`: none answers. */
export async function openRedis(url: string): Promise<ServiceHandle | undefined> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 5000 })
  client.on('error', () => {})
  if (
    !(await client.connect().then(
      () => true,
      () => false,
    ))
  )
    return undefined
  return {
    async cpu() {
      const info = await client.info('cpu')
      const seconds = (name: string): number => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1])
      return (seconds('used_cpu_sys') + seconds('used_cpu_user')) * 1e6
    },
    async tidy() {},
    async drop(namespace) {
      for await (const keys of client.scanStream({ match: `${namespace}:*`, count: 1000 })) {
        if (keys.length > 0) await client.del(...keys)
      }
    },
    close: async () => client.disconnect(),
  }
}
