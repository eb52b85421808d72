/** The phases of a deploy and a rollback, in order: tasks with only dependencies and hooks. */
export const PHASES = {
  deploy: [
    'deploy:starting',
    'deploy:started',
    'deploy:updating',
    'deploy:updated',
    'deploy:publishing',
    'deploy:published',
    'deploy:finishing',
    'deploy:finished',
  ],
  rollback: [
    'deploy:starting',
    'deploy:started',
    'deploy:reverting',
    'deploy:reverted',
    'deploy:publishing',
    'deploy:published',
    'deploy:finishing_rollback',
    'deploy:finished',
  ],
} as const

/** The phases' dependencies. */
export const PHASE_TASKS: Readonly<Record<string, readonly string[]>> = {
  'deploy:starting': ['deploy:init', 'deploy:check'],
  'deploy:updating': ['deploy:fetch', 'deploy:update'],
  'deploy:reverting': ['rollback:init'],
  'deploy:publishing': ['deploy:publish'],
  'deploy:finishing': ['deploy:clean'],
  'deploy:finishing_rollback': ['deploy:clean', 'rollback:finish'],
  'deploy:finished': ['deploy:finish', 'deploy:log_revision'],
}

export const PHASE_DESCRIPTIONS: Readonly<Record<string, string>> = {
  'deploy:starting': 'Runs checks before anything changes. Hook locks here',
  'deploy:started': 'The checks have passed; nothing has changed yet',
  'deploy:updating': 'Creates the new release on all servers; it is not live yet',
  'deploy:updated': 'The new release is on all servers. Hook what must happen before it goes live',
  'deploy:reverting': 'Chooses the release to roll back to',
  'deploy:reverted': 'The release to roll back to has been chosen',
  'deploy:publishing': 'Makes the release live',
  'deploy:published': 'The release is live. Hook restarts here',
  'deploy:finishing': 'Cleans up',
  'deploy:finishing_rollback': 'Cleans up after a rollback',
  'deploy:finished': 'The deploy or rollback has succeeded. Hook notifications here',
}
