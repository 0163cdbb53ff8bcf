import type { Writable } from 'node:stream'

/** The world of one run: everything that a command reads, writes and waits for. */
export interface CliContext {
  /** Without the program's own name. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdout: Writable
  readonly stderr: Writable
  /** Aborted when the person has enough. */
  readonly signal: AbortSignal
  readonly version: string
}

/** 0: all is well. 1: a delivery failed, or the port could not be had. 2: the command line is wrong. */
export type ExitCode = 0 | 1 | 2
