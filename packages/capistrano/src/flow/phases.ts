/** The tasks of a deploy and a rollback, in order. Each does nothing but what it depends on, and what is hooked on it. */
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

/** What the phases stand for. */
export const PHASE_TASKS: Readonly<Record<string, readonly string[]>> = {
  'deploy:starting': ['deploy:init', 'deploy:check'],
  'deploy:updating': ['deploy:fetch', 'deploy:update'],
  'deploy:reverting': ['rollback:init'],
  'deploy:publishing': ['deploy:publish'],
  'deploy:finishing': ['deploy:clean'],
  'deploy:finishing_rollback': ['deploy:clean', 'rollback:finish'],
  'deploy:finished': ['deploy:finish', 'deploy:log_revision'],
}

/** What is told of the phases in lists. */
export const PHASE_DESCRIPTIONS: Readonly<Record<string, string>> = {
  'deploy:starting': 'Before anything is changed: checks. Hook locks here',
  'deploy:started': 'Checked; nothing is changed yet',
  'deploy:updating': 'Makes the new release on all servers; it is not live yet',
  'deploy:updated': 'The new release is on all servers. Hook what it needs before it goes live',
  'deploy:reverting': 'Chooses the release to go back to',
  'deploy:reverted': 'The release to go back to is chosen',
  'deploy:publishing': 'Makes the release live',
  'deploy:published': 'The release is live. Hook restarts here',
  'deploy:finishing': 'Cleans up',
  'deploy:finishing_rollback': 'Cleans up after a rollback',
  'deploy:finished': 'The end of a deploy or rollback that worked. Hook notifications here',
}
