#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { run } from './program.ts'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

const interrupted = new AbortController()
// Once: a second Ctrl+C ends the process as if nobody listened.
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupted.abort())

// `signalbox listen | head`: whoever read has enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

process.exitCode = await run({
  argv: process.argv.slice(2),
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: interrupted.signal,
  version: String(version),
})
