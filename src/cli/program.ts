import { Command, CommanderError } from 'commander'
import { isSignalboxError } from 'signalbox'
import type { CliContext, ExitCode } from './context.ts'
import { listen } from './listen.ts'
import { listenOptions, sendOptions } from './options.ts'
import { send } from './send.ts'

/** Runs one command line. Answers the exit code; everything printed goes through the context. */
export async function run(context: CliContext): Promise<ExitCode> {
  const { argv, stdout, stderr } = context
  let code: ExitCode = 0
  const program = new Command('signalbox')
    .description('Receive and send webhooks from the command line.')
    .version(context.version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      // What follows a misspelt `--secret=` is quoted there.
      writeErr: (text) => void stderr.write(text.replace(/(unknown option '--?[^'=]*)=.*'/s, "$1=…'")),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })

  const listening = program.command('listen')
  listenOptions(listening).action(async (options) => {
    code = await listen(context, options)
  })
  const sending = program.command('send')
  sendOptions(sending).action(async (options) => {
    code = await send(context, options, (rule) => sending.error(`error: ${rule}`))
  })

  try {
    await program.parseAsync(argv, { from: 'user' })
    return code
  } catch (error) {
    // Help and the version were asked for; the rest has been told.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (isSignalboxError(error, 'invalid_input') || isSignalboxError(error, 'blocked_url')) {
      stderr.write(`error: ${error.message}\n`)
      return 2
    }
    throw error
  }
}
