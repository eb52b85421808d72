import { disturbDeploys } from '../support/disturbed-deploys.js'

disturbDeploys({
  killedAt: [
    'deploy:lock:create',
    'deploy:check:directories',
    'net_storage:prepare_mirror_repository',
    'net_storage:prepare_archive',
    'assets:build',
    'net_storage:upload_config_files',
    'net_storage:cleanup',
    'deploy:log_revision',
    'deploy:lock:clear',
  ],
  interruptedAfter: [1, 8, 16],
})
