import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { endWithProcess } from './end-with-process.js'

/** A run of the plain `shipit` command. */
export interface ShipitRun {
  /** All that it has printed so far. */
  readonly output: string
  /** What of it is on its standard output. */
  readonly stdout: string
  /** Resolves when it has printed a text. Rejects if it ends without. */
  printed(text: string): Promise<void>
  /** Exit status, or the name of the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>
  /** Sends it a signal. */
  kill(signal: NodeJS.Signals): void
  /** What Ctrl-C does on a terminal: SIGINT, also to all processes that it started. */
  interrupt(): void
}

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url))

export interface ShipitOptions {
  /** The folder to run it in: a project's. */
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  /** @default 'production' */
  readonly environment?: string
  /** @default the project's */
  readonly shipitfile?: string
  /** Given each line of its output. */
  readonly onLine?: (line: string) => void
}

/** Makes a folder a project to deploy from, with the example shipitfile. */
export async function createProject(directory: string): Promise<void> {
  await symlink(join(REPOSITORY, 'node_modules'), join(directory, 'node_modules'))
  await symlink(join(REPOSITORY, 'shipitfile.example.ts'), join(directory, 'shipitfile.ts'))
  await mkdir(join(directory, 'config/production'), { recursive: true })
  await writeFile(join(directory, 'config/production/database.json'), '{ "password": "canary-password" }\n')
}

/** Starts `shipit <environment> <tasks>`. */
export function startShipit(task: string | readonly string[], options: ShipitOptions): ShipitRun {
  const { cwd, env, shipitfile, environment = 'production', onLine = () => {} } = options
  const custom = shipitfile ? ['--shipitfile', shipitfile] : []
  const child = spawn(join(cwd, 'node_modules/.bin/shipit'), [...custom, environment, task].flat(), {
    cwd,
    // Never the state of the user who runs this.
    env: { XDG_STATE_HOME: join(cwd, 'state'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own, as a shell makes it.
    detached: true,
  })
  const untie = endWithProcess(() => void child.kill())
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
    untie()
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
