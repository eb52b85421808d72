// A complete plugin: releases only go live in working hours, unless overridden.
// Explained in docs/write-a-plugin.md, tested in tests/capistrano/deploy-hours.long.test.ts.
import capistrano, { DeployError, type Shipit } from 'shipit-capistrano'
import { z } from 'zod'

const hour = z.int({ error: 'expected an hour, from 0 to 24' }).min(0).max(24)

const schema = z
  .strictObject({
    /** Days of the week on which releases may go live: 1 is Monday. */
    days: z.array(z.int().min(1).max(7)).default([1, 2, 3, 4]),
    /** First hour, in the deploy machine's time zone. */
    from: hour.default(9),
    /** Hour from which releases may no longer go live. */
    until: hour.default(16),
  })
  .prefault({})

declare module 'shipit-capistrano' {
  interface EnvironmentConfig {
    /** When releases may go live. */
    deployHours?: z.input<typeof schema>
  }
}

const INSTALLED = Symbol.for('deploy-hours')

export default function deployHours(shipit: Shipit): void {
  // A shipitfile and another plugin may both load it.
  const instance = shipit as Shipit & { [INSTALLED]?: true }
  if (instance[INSTALLED]) return
  instance[INSTALLED] = true

  const { desc, task, before, plugin } = capistrano(shipit)

  // 1. Defaults: validated with all other settings when Shipit initialises.
  const settings = plugin.settings({ key: 'deployHours', schema })

  const isOpen = (now = new Date()): boolean => {
    const { days, from, until } = settings()
    // getDay() returns 0 for Sunday.
    return days.includes(now.getDay() || 7) && now.getHours() >= from && now.getHours() < until
  }
  const refuseOutside = async (): Promise<void> => {
    // A rollback can't wait until Monday.
    if (isOpen() || plugin.run.kind === 'rollback') return
    if (process.env['OUT_OF_HOURS']) return
    const { from, until } = settings()
    throw new DeployError(
      'E_DEPLOY_HOURS',
      `Releases may go live from ${from}:00 to ${until}:00. Nothing was published; set OUT_OF_HOURS='reason' to deploy anyway.`,
    )
  }

  // 2. Tasks: this one also runs by itself.
  desc('Checks that releases may go live now', { runsOn: 'deploy machine' })
  task('deploy:hours', [], plugin.check(refuseOutside))

  // 3. Hooks: problems are reported with those of all other checks, before anything is built. A deploy that is not finished
  // in time stops before it goes live.
  before('deploy:check', 'deploy:hours')
  plugin.beforePublish(refuseOutside)

  // Shown by deploy:plan.
  plugin.planLine('deploy hours', async () => (isOpen() ? 'open' : 'closed now'))
}
