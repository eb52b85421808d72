import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A run of the plain `shipit` command. */
export interface ShipitRun {
  /** All that it has printed so far. */
  readonly output: string
  /** Resolves when it has printed a text. Rejects if it ends without. */
  printed(text: string): Promise<void>
  /** Exit status. */
  readonly ended: Promise<number | null>
}

const SHIPIT = fileURLToPath(new URL('../node_modules/.bin/shipit', import.meta.url))
const SHIPITFILE = fileURLToPath(new URL('../shipitfile.example.ts', import.meta.url))

/** Starts `shipit production <task>` with the example shipitfile, and shows what it prints. */
export function shipit(task: string, options: { cwd: string; env: NodeJS.ProcessEnv; prefix?: string }): ShipitRun {
  const { cwd, env, prefix = '' } = options
  const child = spawn(process.execPath, [SHIPIT, '--shipitfile', SHIPITFILE, 'production', task], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  let unfinished = ''
  const waiting: { text: string; resolve: () => void; reject: (error: Error) => void }[] = []
  const take = (text: string): void => {
    output += text
    const lines = (unfinished + text).split('\n')
    unfinished = lines.pop() ?? ''
    for (const line of lines) console.log(`  ${prefix}${line}`)
    for (const each of waiting) if (output.includes(each.text)) each.resolve()
  }
  child.stdout.setEncoding('utf8').on('data', take)
  child.stderr.setEncoding('utf8').on('data', take)
  const ended = once(child, 'close').then(([status]) => {
    for (const each of waiting) each.reject(new Error(`shipit ended without printing '${each.text}'`))
    return status as number | null
  })
  return {
    get output() {
      return output
    },
    printed: (text) =>
      new Promise((resolve, reject) => {
        if (output.includes(text)) resolve()
        else waiting.push({ text, resolve, reject })
      }),
    ended,
  }
}
