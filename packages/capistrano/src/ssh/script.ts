import { readFileSync } from 'node:fs'
import { DeployError } from '../errors.js'

/** Bytes for a server's standard input. */
export type Input = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** Values for a script, by shell variable name. */
export type Variables = Readonly<Record<string, string | number>>

/**
 * A POSIX `sh` program for servers. It travels over standard input, never in a command line, so no process list shows it.
 * Values are passed as variables; only this file quotes.
 */
export class Script {
  private constructor(
    private readonly text: string,
    private readonly file?: string,
    private readonly variables: Variables = {},
  ) {}

  /** Whether it is one of a folder's: these leave no processes behind that print something later. */
  get isOfFolder(): boolean {
    return this.file !== undefined
  }

  /** For messages: its file, or else the names of its variables; never their values. */
  get name(): string {
    if (this.file !== undefined) return this.file
    const names = Object.keys(this.variables)
    return names.length > 0 ? `script with ${names.join(', ')}` : 'script'
  }

  /**
   * A script from its text, after the prelude that all scripts share (`say`, `fact`, `can_write`, `fail` and exit statuses).
   * @param file its file name, for traces
   */
  static of(text: string, file?: string): Script {
    return new Script(`${prelude()}\n${text}`, file)
  }

  /** The same script with shell variables set; the last value counts. Values must not contain NUL (`E_NUL` when it runs). */
  with(variables: Variables): Script {
    return new Script(this.text, this.file, { ...this.variables, ...variables })
  }

  /** The script as a program for a shell that reads it from standard input. Its commands have no input. */
  program(): string {
    // One list, which the shell has read to its end before it runs any of it.
    return `exec </dev/null; eval ${quote(this.assembled())}; exit`
  }

  /**
   * The script as one line for {@link LOADER}. In every shell, `read` takes only that line from standard input, so what follows
   * is input for the script's own commands.
   */
  encode(): string {
    const escaped = this.assembled()
      .replaceAll('\\', '\\\\')
      .replaceAll("'", '\\0047')
      .replaceAll('\n', '\\n')
    return `eval "$(printf %b '${escaped}')"\n`
  }

  private assembled(): string {
    const values = Object.entries(this.variables).map(([name, value]) => `${name}=${quote(String(value))}`)
    return [...values, this.text].join('\n')
  }
}

/** The command that runs a script with input: it reads the script's line from standard input. */
export const LOADER = `sh -c 'IFS= read -r s && eval "$s"'`

/** A value as one word for a POSIX shell. @throws {DeployError} `E_NUL` */
export function quote(value: string): string {
  if (value.includes('\0')) {
    throw new DeployError('E_NUL', `a value for a server contains a NUL character: ${JSON.stringify(value)}`)
  }
  return `'${value.replaceAll("'", `'\\''`)}'`
}

/** A path as one word for a POSIX shell, escaped without quotes: for ssh-pool, which splits paths at slashes. */
export function escapePath(path: string): string {
  return path.replaceAll(/[^\w./~-]/gu, '\\$&')
}

/** The folder of this package's scripts. */
export const SERVER_FOLDER = new URL('../../server/', import.meta.url)

/**
 * The scripts of a folder, by name; each is read once. They must not leave processes behind that print something later. A line `# Needs: a b` in a script's head lists the files of `lib/` to
 * prepend.
 */
export function scriptsIn(folder: URL): (name: string) => Script {
  const scripts = new Map<string, Script>()
  const read = (name: string): string => readFileSync(new URL(`${name}.sh`, folder), 'utf8')
  return (name) => {
    const found = scripts.get(name)
    if (found) return found
    const text = read(name)
    const needed = /^# Needs: (.*)$/m.exec(text)?.[1]?.split(' ') ?? []
    const parts = [...needed.map((each) => read(`lib/${each}`)), text]
    const script = Script.of(parts.map(withoutComments).join('\n'), `${name}.sh`)
    scripts.set(name, script)
    return script
  }
}

/** This package's scripts. */
export const serverScript = scriptsIn(SERVER_FOLDER)

let cachedPrelude: string | undefined

function prelude(): string {
  return (cachedPrelude ??= ['statuses', 'prelude']
    .map((name) => withoutComments(readFileSync(new URL(`lib/${name}.sh`, SERVER_FOLDER), 'utf8')))
    .join('\n'))
}

/** Half of a script's lines: they need not travel to every server. */
function withoutComments(script: string): string {
  return script.replaceAll(/^[ ]*#.*\n/gm, '').replaceAll(/^\n/gm, '')
}
