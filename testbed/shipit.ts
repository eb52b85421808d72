import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { endWithProcess } from './end-with-process.js'

/** A run of the plain `shipit` command. */
export interface ShipitRun {
  /** Everything printed so far. */
  readonly output: string
  /** The part of it that was printed to standard output. */
  readonly stdout: string
  /** Resolves when it has printed a text. Rejects if it ends first. */
  printed(text: string): Promise<void>
  /** Exit status, or the name of the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>
  kill(signal: NodeJS.Signals): void
  /** Like Ctrl-C in a terminal: sends SIGINT to it and all processes it started. */
  interrupt(): void
}

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url))

export interface ShipitOptions {
  /** The project's folder. */
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  /** @default 'production' */
  readonly environment?: string
  /** @default the project's */
  readonly shipitfile?: string
  /** A command that runs it, such as `nice`. @default none */
  readonly through?: readonly string[]
  /** Called with each line of output. */
  readonly onLine?: (line: string) => void
}

/** Sets a folder up as a project to deploy from, with the example shipitfile. */
export async function createProject(directory: string): Promise<void> {
  await symlink(join(REPOSITORY, 'node_modules'), join(directory, 'node_modules'))
  await symlink(join(REPOSITORY, 'shipitfile.example.ts'), join(directory, 'shipitfile.ts'))
  await mkdir(join(directory, 'config/production'), { recursive: true })
  await writeFile(join(directory, 'config/production/database.json'), '{ "password": "canary-password" }\n')
}

/** Starts `shipit <environment> <tasks>`. */
export function startShipit(task: string | readonly string[], options: ShipitOptions): ShipitRun {
  const { cwd, env, shipitfile, environment = 'production', through = [], onLine = () => {} } = options
  const custom = shipitfile ? ['--shipitfile', shipitfile] : []
  const shipit = join(cwd, 'node_modules/.bin/shipit')
  const [command = '', ...args] = [...through, shipit, ...custom, environment, task].flat()
  const child = spawn(command, args, {
    cwd,
    // Never uses the current user's own state.
    env: { XDG_STATE_HOME: join(cwd, 'state'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // In its own process group, as if started from a shell.
    detached: true,
  })
  const unregister = endWithProcess(() => void child.kill())
  let output = ''
  let stdout = ''
  let unfinished = ''
  const waiting: { text: string; resolve: () => void; reject: (error: Error) => void }[] = []
  const take = (text: string): void => {
    output += text
    const lines = (unfinished + text).split('\n')
    unfinished = lines.pop() ?? ''
    for (const line of lines) onLine(line)
    for (const each of waiting) if (output.includes(each.text)) each.resolve()
  }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    take(text)
  })
  child.stderr.setEncoding('utf8').on('data', take)
  const ended = once(child, 'close').then(([status, signal]: (number | NodeJS.Signals)[]) => {
    unregister()
    for (const each of waiting)
      each.reject(new Error(`shipit ended without printing '${each.text}':\n${output}`))
    return status ?? signal ?? 0
  })
  return {
    get output() {
      return output
    },
    get stdout() {
      return stdout
    },
    printed: (text) =>
      new Promise((resolve, reject) => {
        if (output.includes(text)) resolve()
        else waiting.push({ text, resolve, reject })
      }),
    ended,
    kill: (signal) => void child.kill(signal),
    interrupt: () => void process.kill(-Number(child.pid), 'SIGINT'),
  }
}
