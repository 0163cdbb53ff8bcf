import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { close, listen } from '../examples/support/receiver.ts'
import { promisedOutput, root, run } from './examples/run.ts'

/**
 * Every block that begins with ```ts is a whole program: it runs, and prints what its last comment says. One that begins
 * with ```ts fragment stands in a program that has a `dispatcher`, a `connection`, a `request` and a `db`. All of them compile.
 */
interface Block {
  /** Of its first line in the file. */
  readonly line: number
  readonly fragment: boolean
  readonly code: string
}

const documents = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md'].map((name) => ({
  name,
  text: readFileSync(join(root, name), 'utf8'),
}))
const blocks = documents.flatMap(({ name, text }) =>
  blocksOf(text).map((block) => ({ ...block, name: `${name}:${block.line}` })),
)
const programs = blocks.filter((block) => !block.fragment)

function blocksOf(text: string): Block[] {
  return [...text.matchAll(/^```ts( fragment)?\n([\s\S]*?)^```$/gm)].map((match) => ({
    line: text.slice(0, match.index).split('\n').length + 1,
    fragment: match[1] !== undefined,
    code: match[2] ?? '',
  }))
}

describe('the README', () => {
  it('has a program with its output before line 40', () => {
    const first = programs[0]
    expect(first?.name).toMatch(/^README/)
    expect((first?.line ?? 0) + (first?.code.split('\n').length ?? 0)).toBeLessThan(40)
  })

  it('has no block that this test passes over', () => {
    const openings = documents.flatMap(({ text }) => text.match(/^```(ts|typescript|js|javascript).*$/gm) ?? [])
    expect(openings).toHaveLength(blocks.length)
    expect(blocks.length).toBeGreaterThan(4)
  })

  it.each(programs)('$name runs and prints what it says', async ({ code }) => {
    const expected = promisedOutput(code)
    expect(expected, 'a program ends with `// Output:` and what it prints').toBeDefined()
    const { exitCode, stdout, stderr } = await run({ code: code.replaceAll('8787', String(await freePort())) })
    expect(stderr).toBe('')
    expect(stdout.trimEnd()).toBe(expected)
    expect(exitCode).toBe(0)
  })

  it('compiles, fragments included', { timeout: 60_000 }, () => {
    expect(diagnostics()).toEqual([])
  })

  it('links to files and headings that exist', () => {
    const broken = documents.flatMap(({ name, text }) => {
      const anchors = [...text.matchAll(/^#+ (.+)$/gm)].map((match) => anchorOf(match[1] ?? ''))
      const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? '')
      return links
        .filter((link) => !link.startsWith('https://') && !exists(link, anchors))
        .map((link) => `${name}: ${link}`)
    })
    expect(broken).toEqual([])
  })
})

async function freePort(): Promise<number> {
  const server = createServer()
  const port = await listen(server)
  await close(server)
  return port
}

function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} -]/gu, '')
    .replaceAll(' ', '-')
}

function exists(link: string, anchors: readonly string[]): boolean {
  return link.startsWith('#')
    ? anchors.includes(link.slice(1))
    : ts.sys.fileExists(join(root, link)) || ts.sys.directoryExists(join(root, link))
}

/** What fragments find around them. */
const SURROUNDINGS = `
import type { ConnectionView, Dispatcher, EventInput } from 'signalbox'
import type { webhookTransport } from 'signalbox/transports/webhook'
import type { DatabaseSync } from 'node:sqlite'
declare global {
  const dispatcher: Dispatcher<EventInput, string, ReturnType<typeof webhookTransport>>
  const connection: ConnectionView
  const db: DatabaseSync
  const request: {
    readonly user: unknown
    readonly query: { readonly code: string; readonly state: string }
    readonly cookies: { readonly nonce?: string }
  }
}
`

/** Compiles all blocks at once, as files that exist in memory only, with the strictness of the sources. */
function diagnostics(): string[] {
  const virtual = new Map([
    [join(root, 'readme-surroundings.ts'), SURROUNDINGS],
    [join(root, 'my-store.ts'), "export declare function myStore(): import('signalbox').Store\n"],
    ...blocks.map(({ name, code }): [string, string] => [
      join(root, `${name.replace(/\W/g, '-')}.ts`),
      `${code}\nexport {}\n`,
    ]),
  ])
  const parsed = ts.getParsedCommandLineOfConfigFile(
    join(root, 'tsconfig.json'),
    {},
    {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic: (diagnostic) => {
        throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'))
      },
    },
  )
  const options: ts.CompilerOptions = { ...parsed?.options, noUnusedLocals: false }
  const host = ts.createCompilerHost(options)
  const { fileExists, readFile, getSourceFile } = host
  host.fileExists = (path) => virtual.has(path) || fileExists(path)
  host.readFile = (path) => virtual.get(path) ?? readFile(path)
  host.getSourceFile = (path, target, ...rest) => {
    const code = virtual.get(path)
    return code === undefined ? getSourceFile(path, target, ...rest) : ts.createSourceFile(path, code, target)
  }
  const program = ts.createProgram([...virtual.keys()], options, host)
  return [...virtual.keys()].flatMap((path) => {
    const file = program.getSourceFile(path)
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
      ({ messageText }) => `${path.slice(root.length)}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
    )
  })
}
