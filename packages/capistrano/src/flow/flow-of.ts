import { PHASES } from './phases.js'

/** Which of the two flows a task belongs to. */
export type Flow = 'deploy' | 'rollback'

const DEPLOY = new Set<string>(PHASES.deploy)
const ROLLBACK = new Set<string>(PHASES.rollback)

/** Tasks in only one flow. */
const OWN: readonly (readonly [Flow, readonly string[]])[] = [
  ['rollback', ['rollback', 'rollback:init', ...PHASES.rollback.filter((phase) => !DEPLOY.has(phase))]],
  ['deploy', ['deploy', 'deploy:update', ...PHASES.deploy.filter((phase) => !ROLLBACK.has(phase))]],
]

/** Tasks in both; on their own they count as a deploy. */
const SHARED = ['deploy:publish', ...PHASES.deploy.filter((phase) => ROLLBACK.has(phase))]

/** The flow that tasks are part of, if any; tasks in both flows belong to the outer one, if there is one. */
export function flowOf(names: ReadonlySet<string>, outer?: Flow): Flow | undefined {
  const own = OWN.find(([, tasks]) => tasks.some((task) => names.has(task)))
  if (own) return own[0]
  return outer ?? (SHARED.some((task) => names.has(task)) ? 'deploy' : undefined)
}

/** Whether tasks include a whole deploy or rollback. */
export function isWholeFlow(names: ReadonlySet<string>): boolean {
  return names.has('deploy') || names.has('rollback')
}

export function isPhase(name: string): boolean {
  return DEPLOY.has(name) || ROLLBACK.has(name)
}
