import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { type SetupServer, setupServer } from 'msw/node'
import { expect, it, onTestFinished } from 'vitest'
import { fetchHttp } from '../../../src/http/index.ts'
import { createDispatcher, type DispatcherOptions } from '../../../src/index.ts'
import { generateSecret } from '../../../src/signing/index.ts'
import { memoryStore } from '../../../src/stores/memory.ts'
import * as fakes from '../../../src/testing/msw.ts'
import { discordTransport } from '../../../src/transports/discord.ts'
import { hubspotTransport } from '../../../src/transports/hubspot.ts'
import { salesforceTransport } from '../../../src/transports/salesforce.ts'
import { slackTransport } from '../../../src/transports/slack.ts'
import { teamsTransport } from '../../../src/transports/teams.ts'
import { webhookTransport } from '../../../src/transports/webhook.ts'

/** The code of the docstring's example, and what its comments say it prints. */
function exampleOf(file: string): { readonly code: string; readonly printed: readonly string[] } {
  const source = readFileSync(new URL(`../../../src/testing/msw/${file}`, import.meta.url), 'utf8')
  const code = /```ts\n([\s\S]*?)```/.exec(source)?.[1]?.replaceAll(/^ \* ?/gm, '') ?? ''
  const printed = [...code.matchAll(/console\.log\(.*\) \/\/ (.+)$/gm)].map((match) => match[1] ?? '')
  return { code, printed }
}

it.each(['slack.ts', 'teams.ts', 'discord.ts', 'hubspot.ts', 'salesforce.ts', 'webhook-receiver.ts'])(
  'the example of %s prints what it says',
  async (file) => {
    const { code, printed } = exampleOf(file)
    expect(printed.length).toBeGreaterThan(0)
    const output: string[] = []
    const names = {
      ...fakes,
      discordTransport,
      fetchHttp,
      generateSecret,
      hubspotTransport,
      memoryStore,
      salesforceTransport,
      slackTransport,
      teamsTransport,
      webhookTransport,
      console: { log: (value: unknown) => output.push(typeof value === 'string' ? value : inspect(value)) },
      setupServer(...handlers: Parameters<typeof setupServer>): SetupServer {
        const server = setupServer(...handlers)
        onTestFinished(() => server.close())
        return server
      },
      createDispatcher(options: DispatcherOptions) {
        const dispatcher = createDispatcher(options)
        onTestFinished(() => dispatcher.close())
        return dispatcher
      },
    }
    const run = new Function(...Object.keys(names), `return (async () => {\n${code}\n})()`)
    await run(...Object.values(names))
    expect(output).toEqual(printed)
  },
)
