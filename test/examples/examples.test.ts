import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { promisedOutput, root, run } from './run.ts'

const folder = join(root, 'examples')
const examples = readdirSync(folder).filter((name) => name.endsWith('.ts') && name !== 'demo.ts')

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

  it.concurrent.each(examples)('%s ends by itself and prints what its last comment says', ONE_MINUTE, async (name) => {
    const source = readFileSync(join(folder, name), 'utf8')
    const expected = promisedOutput(source)
    expect(expected, 'an example ends with `// Output:` and what it prints, as comments').toBeDefined()
    const { exitCode, stdout, stderr } = await run({ file: join(folder, name) })
    expect(stderr).toBe('')
    expect(stdout.trimEnd()).toBe(expected)
    expect(exitCode).toBe(0)
  })

  it.each(examples)('%s is short enough to be read in one go', (name) => {
    const lines = readFileSync(join(folder, name), 'utf8').split('// Output:')[0]?.split('\n') ?? []
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
