import { DeployError } from '../errors.js'
import { quote, Script } from './script.js'

/** A command for a server's shell: a string as is, or words, each of which is quoted. */
export type Command = string | readonly string[]

/** Where and how a command runs. */
export interface CommandContext {
  readonly directory?: string | undefined
  readonly environment: Readonly<Record<string, string>>
}

/** A command as shell text. */
function commandText(command: Command): string {
  return typeof command === 'string' ? command : command.map(quote).join(' ')
}

/** A command for messages: words are quoted only if necessary. */
export function shownCommand(command: Command): string {
  if (typeof command === 'string') return command
  return command.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : quote(word))).join(' ')
}

/** The script that runs a command. @throws {DeployError} `E_ENVIRONMENT` for an invalid variable name */
export function commandScript(command: Command, { directory, environment }: CommandContext): Script {
  const names = Object.keys(environment)
  for (const name of names) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      throw new DeployError('E_ENVIRONMENT', `'${name}' is not a valid name for an environment variable.`)
    }
  }
  const lines = [
    ...(directory === undefined ? [] : ['cd -- "$shipit_directory" || exit']),
    ...names.map((name) => `export ${name}`),
    // Undoes the prelude's options: the user's command runs as in any shell.
    'set +eu',
    commandText(command),
  ]
  return Script.of(lines.join('\n')).with({
    ...(directory === undefined ? {} : { shipit_directory: directory }),
    ...environment,
  })
}
