// A complete plugin: releases go live in working hours only, unless somebody says that this one has to.
// docs/write-a-plugin.md goes through it; tests/capistrano/deploy-hours.test.ts proves it.
import capistrano, { DeployError, type Shipit } from 'shipit-capistrano'
import { z } from 'zod'

const hour = z.int({ error: 'expected an hour, from 0 to 24' }).min(0).max(24)

const schema = z
  .strictObject({
    /** Days of the week on which releases may go live: 1 is Monday. */
    days: z.array(z.int().min(1).max(7)).default([1, 2, 3, 4]),
    /** First hour of a day, in the time zone of the deploy machine. */
    from: hour.default(9),
    /** Hour in which it ends. */
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
  // A shipitfile, and another plugin, may both load it.
  const instance = shipit as Shipit & { [INSTALLED]?: true }
  if (instance[INSTALLED]) return
  instance[INSTALLED] = true

  const { desc, task, before, plugin } = capistrano(shipit)

  // 1. Defaults: checked with all other settings when Shipit initialises.
  const settings = plugin.settings({ key: 'deployHours', schema })

  const isOpen = (now = new Date()): boolean => {
    const { days, from, until } = settings()
    // Sunday is the seventh day here.
    return days.includes(now.getDay() || 7) && now.getHours() >= from && now.getHours() < until
  }
  const refuseOutside = async (): Promise<void> => {
    // Whoever has to go back does not wait for Monday.
    if (isOpen() || plugin.run.kind === 'rollback') return
    if (process.env['OUT_OF_HOURS']) return
    const { from, until } = settings()
    throw new DeployError(
      'E_DEPLOY_HOURS',
      `Releases go live from ${from} to ${until} o'clock. Nothing went live; OUT_OF_HOURS='why' deploys all the same.`,
    )
  }

  // 2. Tasks: this one can be run by itself, too.
  desc('Checks that releases may go live now', { runsOn: 'deploy machine' })
  task('deploy:hours', [], plugin.check(refuseOutside))

  // 3. Hooks: what is wrong is reported with all other checks, before anything is built; and a deploy that took until
  // after hours stops before it is live.
  before('deploy:check', 'deploy:hours')
  plugin.beforePublish(refuseOutside)

  // What people see who ask.
  plugin.planLine('deploy hours', async () => (isOpen() ? 'open' : 'closed now'))
}
