import { PHASES } from './phases.js'

/** Which of the two flows tasks belong to. */
export type Flow = 'deploy' | 'rollback'

const DEPLOY = new Set<string>(PHASES.deploy)
const ROLLBACK = new Set<string>(PHASES.rollback)

/** Tasks that one flow has alone. */
const OWN: readonly (readonly [Flow, readonly string[]])[] = [
  ['rollback', ['rollback', 'rollback:init', ...PHASES.rollback.filter((phase) => !DEPLOY.has(phase))]],
  ['deploy', ['deploy', 'deploy:update', ...PHASES.deploy.filter((phase) => !ROLLBACK.has(phase))]],
]

/** Those of both; by themselves they are a deploy. */
const SHARED = ['deploy:publish', ...PHASES.deploy.filter((phase) => ROLLBACK.has(phase))]

/** The flow that tasks are part of, if they are; those of both are part of the outer one, where there is one. */
export function flowOf(names: ReadonlySet<string>, outer?: Flow): Flow | undefined {
  const own = OWN.find(([, tasks]) => tasks.some((task) => names.has(task)))
  if (own) return own[0]
  return outer ?? (SHARED.some((task) => names.has(task)) ? 'deploy' : undefined)
}

/** Whether a deploy or rollback is among tasks, from its beginning to its end. */
export function isWholeFlow(names: ReadonlySet<string>): boolean {
  return names.has('deploy') || names.has('rollback')
}

/** Whether a task is a phase of a deploy or rollback. */
export function isPhase(name: string): boolean {
  return DEPLOY.has(name) || ROLLBACK.has(name)
}
