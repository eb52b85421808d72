import { createRequire } from 'node:module'
import { format, stripVTControlCharacters } from 'node:util'
import type { EnvironmentConfig, Shipit } from 'shipit-capistrano'

const ShipitCli = createRequire(import.meta.url)('shipit-cli') as new (options: object) => Shipit

/** A real Shipit in this process. */
export interface ShipitInstance {
  readonly shipit: Shipit
  /** Logged lines, without colours. */
  readonly log: readonly string[]
  /** Names of the started tasks, in order. */
  readonly ran: readonly string[]
  /** Initialises Shipit if needed, and runs tasks. Resolves with their error, if any. */
  readonly run: (...tasks: string[]) => Promise<unknown>
}

/** Creates a Shipit with these settings; the environment is `test`. */
export function createShipit(config: EnvironmentConfig = {}): ShipitInstance {
  const log: string[] = []
  const ran: string[] = []
  const shipit = new ShipitCli({
    environment: 'test',
    stdout: undefined,
    stderr: undefined,
    log: (...words: unknown[]) => log.push(stripVTControlCharacters(format(...words))),
  })
  // Not by a listener, which would be one more than in a run from the command line.
  const emit = shipit.emit.bind(shipit)
  shipit.emit = (event, ...values) => {
    if (event === 'task_start') ran.push((values[0] as { task: string }).task)
    return emit(event, ...values)
  }
  // Without a listener, Orchestrator throws.
  shipit.on('err', () => {})
  shipit.initConfig({ test: { servers: ['deploy@localhost'], deployTo: '/srv/app', ...config } })
  let initialized = false
  return {
    shipit,
    log,
    ran,
    run: (...tasks) => {
      if (!initialized) shipit.initialize()
      initialized = true
      return new Promise((resolve) => {
        shipit.once('stop', () => resolve(undefined))
        shipit.once('err', ({ err }: { err: unknown }) => resolve(err))
        shipit.start(...tasks)
      })
    },
  }
}
