import { mkdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { Stage } from './support/stage.js'

/** What an existing set-up needs on a server, beside npm. */
const TOOLS =
  'sh cat cp find head ln ls mkdir mv readlink rm rsync sort uniq xargs dirname chmod node npm'.split(' ')

/** An existing set-up: shipit-deploy, which pushes with rsync, with more in its shipitfile and its settings. */
const shipitfile = (body: string, settings = ''): string => `
const { env } = process
module.exports = shipit => {
  require('shipit-deploy')(shipit)
  ${body}
  shipit.initConfig({ production: {
    deployTo: env.DEPLOY_TO, repositoryUrl: env.REPOSITORY_URL, branch: 'main',
    servers: JSON.parse(env.SERVERS), key: env.SSH_KEY, ${settings}
  } })
}
`

const CAPISTRANO = `const { after, hosts, on } = require('shipit-capistrano').default(shipit)\n`

/** Prints the tasks as they start, and shipit-deploy's events. */
const TRACE = `
  shipit.on('task_start', ({ task }) => console.log('trace task ' + task))
  for (const event of ['deploy', 'fetched', 'updated', 'published', 'cleaned', 'deployed', 'rollback', 'rollbacked'])
    shipit.on(event, () => console.log('trace event ' + event))
`

let stage: Stage
afterEach(() => stage.close())

/** Runs a task that has to succeed, and returns what shipit printed. */
async function run(task: string, content: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { status, output } = await stage.run(task, env, await stage.shipitfile('shipitfile.js', content))
  expect(output).toContain(`Finished '${task}'`)
  expect(status).toBe(0)
  return output
}

/** Two releases as shipit-deploy leaves them, in a folder of the server's home. */
async function released(folder: string): Promise<void> {
  const root = join(stage.fleet.host('web1').home, folder)
  for (const release of ['20260101000000', '20260102000000']) {
    await mkdir(join(root, 'releases', release), { recursive: true })
    await writeFile(join(root, 'releases', release, 'REVISION'), `${release}\n`)
  }
  await symlink('releases/20260102000000', join(root, 'current'))
}

describe('tasks and events come in the order that they have without the plugin', () => {
  const HANDLERS = `
    shipit.blTask('first', () => shipit.remote('true'))
    shipit.blTask('blocking', ['first'], () => shipit.remote('true'))
    // Ends only if those behind it don't wait for it.
    shipit.task('beside', () => new Promise(resolve => shipit.once('cleaned', resolve)))
    shipit.on('updated', () => shipit.start('blocking'))
    shipit.on('published', () => shipit.start('beside', 'first'))
  `
  it.each([
    ['a deploy', 'deploy', 'deployed', ''],
    ['a rollback', 'rollback', 'rollbacked', ''],
    ['a deploy with event handlers that start tasks', 'deploy', 'deployed', HANDLERS],
  ])('in %s', async (_, task, last, more) => {
    stage = await Stage.create({ names: ['web1'] })
    const trace = async (folder: string, body: string): Promise<string[]> => {
      await released(folder)
      const output = await run(task, shipitfile(body), { DEPLOY_TO: folder })
      return output.split('\n').filter((line) => line.startsWith('trace '))
    }
    const plain = await trace('plain', TRACE + more)
    const ours = await trace('ours', CAPISTRANO + TRACE + more)
    expect(plain).toContain(`trace event ${last}`)
    expect(ours.filter((line) => plain.includes(line))).toEqual(plain)
    const added = ours.filter((line) => !plain.includes(line))
    expect(added).toContain('trace task deploy:publishing')
    for (const line of added) expect(line).toMatch(/^trace task deploy:/)
  })
})

it('runs the tasks that shipit-shared and shipit-npm start at events', async () => {
  stage = await Stage.create({ names: ['web1'], paths: { web1: TOOLS } })
  const scripts = { postinstall: 'echo "$npm_lifecycle_event" >npm-ran' }
  await stage.app.commit(
    { 'package.json': JSON.stringify({ name: 'shop', version: '1.0.0', scripts }) },
    'npm',
  )
  const plugins = `require('shipit-shared')(shipit); require('shipit-npm')(shipit)`
  // Without overwrite, shipit-shared refuses the folders that it has just made; so it does without our plugin.
  const settings = `
    shared: { dirs: ['log'], files: ['config/secret.json'], overwrite: true },
    npm: { installFlags: ['--offline', '--no-audit', '--no-fund', '--no-update-notifier'] },
  `
  const output = await run('deploy', shipitfile(CAPISTRANO + plugins, settings), {
    DEPLOY_TO: stage.path('web1'),
  })
  for (const task of ['shared:create-dirs', 'shared:link:dirs', 'shared:link:files', 'npm:install']) {
    const order = ["Finished 'deploy:update'", `Running '${task}'`, `Finished '${task}'`]
    expect(output).toMatch(new RegExp([...order, "Running 'deploy:publish'"].join('.*'), 's'))
    expect(output.split(`Running '${task}'`)).toHaveLength(2)
  }
  for (const path of ['log', 'config/secret.json'])
    expect(await readlink(stage.path('web1', 'current', path))).toBe(stage.path('web1', 'shared', path))
  expect(await readFile(stage.path('web1', 'current/npm-ran'), 'utf8')).toBe('postinstall\n')
})

it('hooks tasks that were registered with shipit-utils', async () => {
  stage = await Stage.create({ names: ['web1'] })
  const output = await run(
    'deploy',
    shipitfile(`
      const utils = require('shipit-utils')
      ${CAPISTRANO.replace('(shipit)', '(utils.getShipit({ shipit }))')}
      utils.registerTask(shipit, 'warm:cache', () => shipit.remote('cat ' + env.DEPLOY_TO + '/current/REVISION >>warm'))
      utils.registerTask(shipit, 'warm', 'Warms caches', ['warm:cache'])
      after('deploy:published', 'warm')
    `),
  )
  expect(output).toMatch(
    /Finished 'deploy:publish'.*Finished 'warm:cache'.*Finished 'warm'.*Running 'deploy:clean'/s,
  )
  const revision = await stage.app.git('rev-parse', 'HEAD')
  expect(await readFile(join(stage.fleet.host('web1').home, 'warm'), 'utf8')).toBe(`${revision}\n`)
})

it('runs a task that an event handler starts once, before the deploy goes on', async () => {
  stage = await Stage.create({ names: ['web1'] })
  const output = await run(
    'deploy',
    shipitfile(`
      ${CAPISTRANO}
      shipit.blTask('restart', () => shipit.remote('cat ' + env.DEPLOY_TO + '/current/REVISION >>restarted'))
      shipit.on('published', () => shipit.start('restart'))
    `),
  )
  expect(output).toMatch(
    /Finished 'deploy:publish'.*Finished 'restart'.*Running 'deploy:clean'.*Finished 'deploy'/s,
  )
  const revision = await stage.app.git('rev-parse', 'HEAD')
  expect(await readFile(join(stage.fleet.host('web1').home, 'restarted'), 'utf8')).toBe(`${revision}\n`)
})

it('runs everything on servers as another user with asUser', async () => {
  // The login finds sudo, and cat for the shared connection; whatever else runs without sudo fails.
  stage = await Stage.create({ names: ['web1'], paths: { web1: ['cat'] } })
  const { home } = stage.fleet.host('web1')
  await writeFile(join(home, '../bin/sudo'), sudo(stage.env['PATH'] ?? ''), { mode: 0o755 })
  const output = await run(
    'deploy',
    shipitfile(
      `
        ${CAPISTRANO}
        const { Script } = require('shipit-capistrano')
        shipit.blTask('note', () => shipit.remote('echo "command as $SUDO_FOR"'))
        shipit.on('published', () => shipit.start('note'))
        after('deploy:published', 'tell', () => on(hosts(), host => host.script(Script.of('say "script as $SUDO_FOR"'))))
      `,
      `asUser: 'shop',`,
    ),
  )
  expect(output).toContain('command as shop')
  expect(output).toContain('@web1 script as shop')
  expect(await stage.live()).toEqual([await stage.app.git('rev-parse', 'HEAD')])
})

/** Stands in for sudo, where tests run as a user that can't become another: takes what sudo takes, and tells for whom. */
function sudo(path: string): string {
  return `#!/bin/sh
[ "$1" != -n ] || shift
[ "$1" = -u ] || exit 64
export SUDO_FOR="$2" PATH='${path}'
shift 2
[ "$1" != -- ] || shift
exec "$@"
`
}
