import { createRequire } from 'node:module'
import { format, stripVTControlCharacters } from 'node:util'
import type { EnvironmentConfig, Shipit } from 'shipit-capistrano'

const ShipitCli = createRequire(import.meta.url)('shipit-cli') as new (options: object) => Shipit

/** A real Shipit in this process, with what it logged and which tasks it started. */
export interface ShipitInstance {
  readonly shipit: Shipit
  /** What it logged, a line each, without colours. */
  readonly log: readonly string[]
  /** Names of the tasks that were started, in order. */
  readonly ran: readonly string[]
  /** Initialises it if it was not, and runs tasks. Resolves with the error that they ended with, if one. */
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
  shipit.on('task_start', ({ task }: { task: string }) => ran.push(task))
  // Orchestrator throws where nobody listens.
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
