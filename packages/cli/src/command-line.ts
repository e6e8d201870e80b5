// The table of commands, and how a command ends.

import yargs, { type CommandModule } from 'yargs'
import packageJson from '../package.json' with { type: 'json' }
import { GLOBAL_OPTIONS, group } from './command.ts'
import { deadLettersExport, deadLettersList, deadLettersRetry } from './commands/dead-letters.ts'
import { deliveriesList, deliveriesRetry, deliveriesShow, deliveriesTail } from './commands/deliveries.ts'
import {
  endpointsCreate,
  endpointsList,
  endpointsRotate,
  endpointsTest,
  endpointsUpdate,
} from './commands/endpoints.ts'
import { endpointsApply } from './commands/endpoints-apply.ts'
import { endpointsPause, endpointsReplay, endpointsResume } from './commands/endpoints-run.ts'
import { eventsErase } from './commands/events-erase.ts'
import { eventsMissed } from './commands/events-missed.ts'
import { eventsPublish } from './commands/events-publish.ts'
import { explain } from './commands/explain.ts'
import { ingestCommand } from './commands/ingest.ts'
import { listenCommand } from './commands/listen.ts'
import { login } from './commands/login.ts'
import { outboxCommand } from './commands/outbox.ts'
import { tenantsErase, tenantsExport } from './commands/tenants.ts'
import { trigger } from './commands/trigger.ts'
import { verify } from './commands/verify.ts'
import { CommandFailure, EXIT, type ExitCode } from './failure.ts'
import { usageMessage } from './usage-message.ts'

const COMMANDS: readonly CommandModule[] = [
  login,
  listenCommand,
  trigger,
  group('events', 'Publish and erase events, and find those an endpoint missed', [
    eventsPublish,
    eventsMissed,
    eventsErase,
  ]),
  group('endpoints', 'List, create, change, test, pause, resume and replay to endpoints', [
    endpointsList,
    endpointsCreate,
    endpointsUpdate,
    endpointsTest,
    endpointsRotate,
    endpointsPause,
    endpointsResume,
    endpointsReplay,
    endpointsApply,
  ]),
  group('deliveries', 'Follow, list, show and retry deliveries', [
    deliveriesTail,
    deliveriesList,
    deliveriesShow,
    deliveriesRetry,
  ]),
  explain,
  group('dead-letters', 'List, retry and export dead letters', [deadLettersList, deadLettersRetry, deadLettersExport]),
  group('tenants', 'Export or erase a tenant', [tenantsExport, tenantsErase]),
  outboxCommand,
  ingestCommand,
  verify,
]

const EPILOGUE = `Exit codes: ${EXIT.ok} done, ${EXIT.refused} refused, ${EXIT.usage} wrong command line or file, ${EXIT.unavailable} gateway not reachable, ${EXIT.notAllowed} not signed in or not allowed.`

/** Runs one command line; resolves with the exit code. */
export async function runCommandLine(args: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok
  const end = (failure: CommandFailure) => {
    code = failure.exitCode
    const asJson = args.includes('--json')
    process.stderr.write(
      asJson ? `${JSON.stringify({ error: failure.message, ...failure.details })}\n` : `${failure.message}\n`,
    )
  }
  try {
    await yargs([...args])
      .scriptName('sivo')
      .usage('$0 <command>\n\nThe command line of a SIVO Webhooks gateway.')
      .options(GLOBAL_OPTIONS)
      .command(COMMANDS as CommandModule[])
      .demandCommand(1, 'Expected a command.')
      .strict()
      .recommendCommands()
      .completion('completion', 'Print a completion script for the shell (bash, zsh)')
      .version(packageJson.version)
      .epilogue(EPILOGUE)
      .wrap(Math.min(110, process.stdout.columns ?? 100))
      .exitProcess(false)
      .fail((message, error) => {
        throw error instanceof CommandFailure
          ? error
          : error && !message
            ? error
            : new CommandFailure(EXIT.usage, usageMessage(message, args, COMMANDS))
      })
      .parseAsync()
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error
    end(error)
  }
  return code
}
