import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { postgresMissing } from '../support/postgres.ts'
import { promisedOutput, root, run } from './run.ts'

const folder = join(root, 'examples')
const examples = readdirSync(folder).filter((name) => name.endsWith('.ts') && name !== 'demo.ts')

const missing = await postgresMissing()
const needsPostgres = examples.filter((name) => sourceOf(name).startsWith('// Needs PostgreSQL\n'))

function sourceOf(name: string): string {
  return readFileSync(join(folder, name), 'utf8')
}

/** Several programs run at once, and each compiles what it imports. */
const ONE_MINUTE = { timeout: 60_000 }

describe('every example', () => {
  it('is found', () => {
    expect(examples.length).toBeGreaterThanOrEqual(12)
  })

  it('has a number of its own, without gaps', () => {
    const numbers = examples.map((name) => /^(\d\d)-[a-z0-9-]+\.ts$/.exec(name)?.[1])
    expect(numbers).toEqual(examples.map((_, index) => String(index + 1).padStart(2, '0')))
  })

  it.concurrent.for(examples)(
    '%s ends by itself and prints what its last comment says',
    ONE_MINUTE,
    async (name, test) => {
      test.skip(missing !== undefined && needsPostgres.includes(name), missing)
      const expected = promisedOutput(sourceOf(name))
      expect(expected, 'an example ends with `// Output:` and what it prints, as comments').toBeDefined()
      const { exitCode, stdout, stderr } = await run({ file: join(folder, name) })
      expect(stderr).toBe('')
      expect(stdout.trimEnd()).toBe(expected)
      expect(exitCode).toBe(0)
    },
  )

  it.concurrent.each(needsPostgres)('%s says where no PostgreSQL answers, and ends', ONE_MINUTE, async (name) => {
    const env = { SIGNALBOX_TEST_POSTGRES_URL: 'postgres://app:secret@127.0.0.1:1/app' }
    expect(await run({ file: join(folder, name), env })).toEqual({
      exitCode: 0,
      stdout: 'No PostgreSQL answers at 127.0.0.1:1: name one in SIGNALBOX_TEST_POSTGRES_URL.\n',
      stderr: '',
    })
  })

  it.each(examples)('%s is short enough to be read in one go', (name) => {
    const lines = sourceOf(name).split('// Output:')[0]?.split('\n') ?? []
    expect(lines.length).toBeLessThanOrEqual(60)
  })
})

describe('the demo', () => {
  it('ends by itself, finds its own outcome right, and writes no colours into a file', ONE_MINUTE, async () => {
    const { exitCode, stdout, stderr } = await run({ file: join(folder, 'demo.ts') })
    expect(stderr).toBe('')
    expect(exitCode).toBe(0)
    expect(stdout).toContain('attempts, all as expected ✓')
    for (const shown of ['Slack · #breaches', 'Slack · #cases', 'Teams · General', 'Discord']) {
      expect(stdout).toContain(`┌ ${shown} ─`)
    }
    expect(stdout).not.toContain('\u001b')
    expect(stdout).not.toContain('✗')
  })
})
