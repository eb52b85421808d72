import { disturbDeploys } from '../support/disturbed-deploys.js'

disturbDeploys({
  killedAt: ['net_storage:create_release', 'deploy:publish', 'deploy:clean'],
  interruptedAfter: [4, 12],
})
