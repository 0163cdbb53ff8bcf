import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const src = join(root, 'src')

const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.replaceAll('\\', '/'))
  .sort()

interface Import {
  readonly from: string
  /** Path inside src, or the name of a package. */
  readonly to: string
  readonly inside: boolean
}

const imports: readonly Import[] = files.flatMap((from) => {
  const text = readFileSync(join(src, from), 'utf8')
  // whole statements of one line, the last lines of longer ones, dynamic imports; comments begin with a star
  const statements = text.matchAll(
    /^(?:import|export)\b[^'\n]* from '([^']+)'|^import '([^']+)'|^\} from '([^']+)'|\bimport\('([^']+)'\)/gm,
  )
  const specifiers = [...statements].map((match) => match[1] ?? match[2] ?? match[3] ?? match[4] ?? '')
  return specifiers.map((specifier) => {
    const inside = specifier.startsWith('.')
    const to = inside ? relative(src, resolve(src, dirname(from), specifier)).replaceAll('\\', '/') : specifier
    return { from, to, inside }
  })
})

const area = (path: string): string => path.split('/')[0] ?? ''
/** `stores/sqlite.ts` and `stores/sqlite/migrate.ts` are one unit. */
const unit = (path: string): string => path.split('/').slice(0, 2).join('/').replace(/\.ts$/, '')

function violations(applies: (path: string) => boolean, allowed: (one: Import) => boolean): string[] {
  return imports.filter((one) => applies(one.from) && !allowed(one)).map((one) => `${one.from} → ${one.to}`)
}

describe('imports go one way', () => {
  it('sees the sources', () => {
    expect(files.length).toBeGreaterThan(60)
    expect(imports.length).toBeGreaterThan(200)
  })

  it('every import inside src names a file that exists', () => {
    expect(imports.filter((one) => one.inside && !files.includes(one.to))).toEqual([])
  })

  it('errors and contracts import nothing above them', () => {
    expect(
      violations(
        (path) => path === 'errors.ts' || area(path) === 'contracts',
        (one) => (one.inside ? ['contracts', 'errors.ts'].includes(area(one.to)) : one.to === '@standard-schema/spec'),
      ),
    ).toEqual([])
  })

  it.each(['payloads', 'signing', 'delivery', 'digest', 'catalog'])(
    '%s imports itself, errors and contracts',
    (name) => {
      const packages = [
        '@standard-schema/spec',
        ...(name === 'payloads' ? ['@slack/types'] : []),
        ...(name === 'digest' ? ['croner', 'temporal-polyfill'] : []),
        ...(name === 'signing' ? ['node:crypto', 'node:buffer', 'node:util/types'] : []),
      ]
      expect(
        violations(
          (path) => area(path) === name,
          (one) => (one.inside ? [name, 'contracts', 'errors.ts'].includes(area(one.to)) : packages.includes(one.to)),
        ),
      ).toEqual([])
    },
  )

  it('of @slack/types only types are imported', () => {
    const text = files.map((file) => readFileSync(join(src, file), 'utf8')).join('\n')
    const all = [...text.matchAll(/'@slack\/types'/g)].length
    const types = [...text.matchAll(/^import type [^']*'@slack\/types'/gm)].length
    expect(types).toBe(all)
    expect(types).toBeGreaterThan(0)
  })

  it.each(['payloads', 'delivery', 'digest', 'catalog'])('%s reads no clock and rolls no dice', (name) => {
    const offenders = files
      .filter((file) => area(file) === name)
      .filter((file) =>
        /Date\.now\(|new Date\(\)|Math\.random\(|performance\.now\(/.test(readFileSync(join(src, file), 'utf8')),
      )
    expect(offenders).toEqual([])
  })

  it.each(['transports', 'stores', 'engines'])('one of %s imports no sibling and no dispatcher', (name) => {
    expect(
      violations(
        (path) => area(path) === name,
        (one) => !one.inside || (area(one.to) === name ? unit(one.to) === unit(one.from) : isBelow(one.to)),
      ),
    ).toEqual([])
  })

  it('oauth imports what lies below a dispatcher, a transport and a store', () => {
    const below = ['oauth', 'contracts', 'errors.ts', 'delivery', 'encryption', 'http', 'runtime', 'signing']
    expect(
      violations(
        (path) => area(path) === 'oauth',
        (one) => (one.inside ? below.includes(area(one.to)) : ['zod', 'node:crypto'].includes(one.to)),
      ),
    ).toEqual([])
  })

  it('nothing imports testing', () => {
    expect(
      violations(
        (path) => area(path) !== 'testing',
        (one) => !one.inside || area(one.to) !== 'testing',
      ),
    ).toEqual([])
  })

  it('receiving imports what lies below a dispatcher, a transport and a store', () => {
    const below = ['receiving', 'catalog', 'contracts', 'errors.ts', 'runtime', 'signing']
    expect(
      violations(
        (path) => area(path) === 'receiving',
        (one) => (one.inside ? below.includes(area(one.to)) : ['node:crypto', 'node:util/types'].includes(one.to)),
      ),
    ).toEqual([])
  })

  it('the command line uses the library as a host does: by its public entries', () => {
    const entries = Object.keys(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).exports)
    const uses = imports.filter((one) => area(one.from) === 'cli')
    const own = uses.filter((one) => one.to === 'signalbox' || one.to.startsWith('signalbox/'))
    expect(own.length).toBeGreaterThan(5)
    expect(own.filter((one) => !entries.includes(one.to.replace('signalbox', '.')))).toEqual([])
    expect(uses.filter((one) => one.inside && area(one.to) !== 'cli')).toEqual([])
    expect(imports.filter((one) => one.to === 'commander' && area(one.from) !== 'cli')).toEqual([])
    expect(imports.filter((one) => area(one.to) === 'cli' && area(one.from) !== 'cli')).toEqual([])
  })

  it('only http touches undici and sockets; testing and the command line may serve on loopback', () => {
    const sockets = ['undici', 'node:net', 'node:tls', 'node:http', 'node:https', 'node:dns', 'node:dns/promises']
    const serving = ['node:net', 'node:http']
    expect(
      violations(
        (path) => area(path) !== 'http',
        (one) => !sockets.includes(one.to) || (['testing', 'cli'].includes(area(one.from)) && serving.includes(one.to)),
      ),
    ).toEqual([])
  })

  it('only testing/msw touches msw, an optional peer', () => {
    const users = imports.filter((one) => one.to === 'msw' || one.to.startsWith('msw/'))
    expect(users.length).toBeGreaterThan(0)
    expect(users.filter((one) => unit(one.from) !== 'testing/msw')).toEqual([])
  })

  it('only engines/bullmq touches bullmq, and nothing pg-boss: the host passes its own in', () => {
    expect(imports.filter((one) => one.to === 'bullmq').map((one) => one.from)).toEqual(['engines/bullmq.ts'])
    expect(imports.filter((one) => ['pg-boss', 'ioredis'].includes(one.to))).toEqual([])
    const entries = files.filter((file) => file.endsWith('index.ts') || /^(?:stores|transports)\/[^/]+$/.test(file))
    expect(reachable([...entries, 'engines/pg-boss.ts', 'engines/polling.ts'])).not.toContain('bullmq')
  })

  it('jobs, what engines over a queue share, imports contracts, errors and runtime', () => {
    expect(
      violations(
        (path) => area(path) === 'jobs',
        (one) =>
          one.inside ? ['jobs', 'contracts', 'errors.ts', 'runtime'].includes(area(one.to)) : one.to === 'node:crypto',
      ),
    ).toEqual([])
  })

  it('no other entry leads to msw', () => {
    const entries = files.filter(
      (file) => file.endsWith('index.ts') || /^(?:transports|stores|engines|presets)\/[^/]+$/.test(file),
    )
    expect(reachable(entries)).not.toContain('msw')
    expect(reachable(['testing/msw.ts'])).toContain('msw')
  })

  it('zod stays off the import path of signing and payloads', () => {
    expect(reachable(['signing/index.ts', 'payloads/index.ts'])).not.toContain('zod')
  })

  it('no module keeps state: a `let` at the top level would be two in a process with both builds', () => {
    const offenders = files.filter((file) => /^(?:export )?let /m.test(readFileSync(join(src, file), 'utf8')))
    expect(offenders).toEqual([])
  })
})

function isBelow(path: string): boolean {
  return !['dispatcher.ts', 'dispatcher-options.ts', 'dispatcher-api.ts', 'index.ts', 'dispatch', 'worker'].includes(
    area(path),
  )
}

function reachable(entries: readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>()
  const visit = (path: string): void => {
    if (seen.has(path)) return
    seen.add(path)
    for (const one of imports) if (one.from === path) visit(one.to)
  }
  for (const entry of entries) visit(entry)
  return seen
}
