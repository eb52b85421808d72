import type { Setup } from './modes.js'

/** A step of a case, the same in each mode. */
export type Step =
  /** `shipit production <tasks>`. */
  | { readonly run: string | readonly string[]; readonly env?: NodeJS.ProcessEnv }
  /** Commits files, by path, to the application's repository. */
  | { readonly commit: Readonly<Record<string, string>> }
  /** Runs git in the repository. */
  | { readonly git: readonly string[] }

/** An existing set-up, and what is done with it. */
export interface Case extends Setup {
  readonly name: string
  readonly steps: readonly Step[]
  /** Also part of `npm test`. @default false */
  readonly short?: boolean
}

const deploy: Step = { run: 'deploy' }
const rollback: Step = { run: 'rollback' }
const commit: Step = { commit: { VERSION: 'second\n', 'src/index.js': 'export {}\n' } }
const DEPLOY_TWICE = [deploy, commit, deploy]
const OWN_WORKSPACE = `workspace: env.WORKSPACE, shallowClone: false,`
const MAKE_WORKSPACE = `mkdirSync(env.WORKSPACE, { recursive: true })`

/** Options from shipit-deploy's README. */
const OPTIONS: Case[] = [
  { name: 'defaults', steps: [...DEPLOY_TWICE, deploy, rollback] },
  {
    name: 'own-workspace',
    settings: OWN_WORKSPACE,
    body: MAKE_WORKSPACE,
    steps: DEPLOY_TWICE,
  },
  { name: 'unused-workspace', settings: `workspace: env.WORKSPACE,`, steps: DEPLOY_TWICE },
  { name: 'keep-workspace', settings: `keepWorkspace: true,`, steps: DEPLOY_TWICE },
  {
    name: 'keep-own-workspace',
    settings: `${OWN_WORKSPACE} keepWorkspace: true,`,
    body: MAKE_WORKSPACE,
    steps: DEPLOY_TWICE,
  },
  { name: 'dir-to-copy', settings: `dirToCopy: 'config',`, steps: DEPLOY_TWICE },
  { name: 'dir-to-copy-with-slashes', settings: `dirToCopy: './config/',`, steps: [deploy] },
  {
    name: 'dir-to-copy-built',
    settings: `dirToCopy: 'dist',`,
    body: `shipit.on('fetched', () => { mkdirSync(join(shipit.workspace, 'dist')); writeFileSync(join(shipit.workspace, 'dist/index.js'), 'built') })`,
    steps: DEPLOY_TWICE,
  },
  { name: 'dir-to-copy-missing', settings: `dirToCopy: 'nothing',`, steps: [deploy] },
  {
    name: 'ignores',
    settings: `ignores: ['.git', 'src', '*.md', '/config/production.json'],`,
    steps: DEPLOY_TWICE,
  },
  { name: 'ignores-node-modules', settings: `ignores: ['.git', 'node_modules'],`, steps: DEPLOY_TWICE },
  {
    name: 'ignores-carried-over',
    settings: `ignores: ['carried'],`,
    body: `shipit.task('log', () => shipit.remote('echo x >' + env.DEPLOY_TO + '/current/carried'))`,
    steps: [deploy, { run: 'log' }, commit, deploy],
  },
  {
    name: 'ignores-odd',
    settings: `ignores: ['**/b c', '[ab].txt', 'deep/**/skip', '-x'],`,
    steps: [
      {
        commit: {
          'x/b c/y': '',
          'a.txt': '',
          'b.txt': '',
          'c.txt': '',
          'deep/1/2/skip': '',
          'deep/1/keep': '',
          '-x': '',
        },
      },
      deploy,
    ],
  },
  {
    name: 'ignores-and-dir-to-copy',
    settings: `dirToCopy: 'config', ignores: ['/production.json'],`,
    steps: [deploy],
  },
  { name: 'branch-tag', settings: `branch: 'v1',`, steps: [{ git: ['tag', 'v1'] }, commit, deploy] },
  {
    name: 'branch-annotated-tag',
    settings: `branch: 'v1',`,
    steps: [{ git: ['tag', '-a', 'v1', '-m', 'one'] }, commit, deploy],
  },
  {
    name: 'branch-other',
    settings: `branch: 'feature/x',`,
    steps: [
      { git: ['checkout', '-q', '-b', 'feature/x'] },
      commit,
      { git: ['checkout', '-q', 'main'] },
      deploy,
    ],
  },
  {
    name: 'branch-commit',
    settings: `branch: execFileSync('git', ['rev-parse', 'main~1'], { cwd: env.REPOSITORY_URL, encoding: 'utf8' }).trim(), ${OWN_WORKSPACE}`,
    body: MAKE_WORKSPACE,
    steps: [commit, deploy],
  },
  { name: 'branch-missing', settings: `branch: 'nothing',`, steps: [deploy] },
  { name: 'delete-on-rollback', settings: `deleteOnRollback: true,`, steps: [...DEPLOY_TWICE, rollback] },
  { name: 'keep-releases', settings: `keepReleases: 2,`, steps: [deploy, deploy, deploy] },
  { name: 'keep-one-release', settings: `keepReleases: 1,`, steps: [deploy, deploy] },
  {
    name: 'deep-clone',
    settings: `shallowClone: false, workspace: env.WORKSPACE,`,
    body: MAKE_WORKSPACE,
    steps: [{ run: 'pending' }, deploy, { run: 'pending' }, commit, { run: 'pending' }],
  },
  {
    name: 'submodules',
    settings: `updateSubmodules: true, gitConfig: { 'protocol.file.allow': 'always' },`,
    steps: [
      // A repository can be a submodule of itself.
      { git: ['-c', 'protocol.file.allow=always', 'submodule', 'add', '-q', '--', './', 'lib/a b'] },
      commit,
      {
        run: 'deploy',
        env: { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'protocol.file.allow', GIT_CONFIG_VALUE_0: 'always' },
      },
    ],
  },
  {
    name: 'git-config-crlf',
    settings: `gitConfig: { 'core.autocrlf': 'true' },`,
    steps: [{ commit: { '.gitattributes': '*.sh text eol=lf\n', 'a.sh': 'a\n' } }, deploy],
  },
  {
    name: 'export-ignore',
    steps: [{ commit: { '.gitattributes': 'ignored export-ignore\n', 'ignored/a': '', kept: '' } }, deploy],
  },
  {
    name: 'times',
    body: `shipit.task('look', () => shipit.remote('cd ' + env.DEPLOY_TO + '/current && { [ "$(stat -c %Y server.js)" = 1577836800 ] && echo commit || echo deploy; } >times'))`,
    steps: [
      // git reads the committer's date only from the environment.
      {
        git: [
          '-c',
          'alias.age=!GIT_COMMITTER_DATE=2020-01-01T00:00:00Z git commit --quiet --amend --no-edit',
          'age',
        ],
      },
      deploy,
      { run: 'look' },
    ],
  },
  {
    name: 'deploy-to-slash',
    settings: `deployTo: env.DEPLOY_TO + '//',`,
    steps: [...DEPLOY_TWICE, rollback],
  },
  { name: 'deploy-to-dot', settings: `deployTo: './' + env.DEPLOY_TO + '/x/..',`, steps: DEPLOY_TWICE },
  { name: 'deploy-to-missing', settings: `deployTo: undefined,`, steps: [deploy] },
  { name: 'keep-releases-text', settings: `keepReleases: '2',`, steps: [deploy, deploy, deploy] },
  { name: 'keep-no-releases', settings: `keepReleases: 0,`, steps: [deploy] },
  {
    name: 'keep-releases-after-rollback',
    settings: `keepReleases: 2,`,
    steps: [deploy, deploy, deploy, rollback, deploy],
  },
  { name: 'git-config', settings: `gitConfig: { 'core.autocrlf': 'false' },`, steps: [deploy] },
  {
    name: 'git-log-format',
    settings: `gitLogFormat: 'commit %s',`,
    steps: [deploy, commit, { run: 'pending' }],
  },
  {
    name: 'rsync-from',
    settings: `rsyncFrom: env.WORKSPACE,`,
    body: `mkdirSync(env.WORKSPACE, { recursive: true }); writeFileSync(join(env.WORKSPACE, 'only'), 'x')`,
    steps: [deploy],
  },
  { name: 'copy-off', settings: `copy: false,`, steps: DEPLOY_TWICE },
  { name: 'copy-other', settings: `copy: '-r',`, steps: DEPLOY_TWICE },
  { name: 'rsync-options', settings: `rsync: ['--chmod=Fu=r'],`, steps: [deploy] },
  {
    name: 'remote-copy-content',
    settings: `deploy: { remoteCopy: { copyAsDir: false } },`,
    steps: DEPLOY_TWICE,
  },
  { name: 'remote-copy-as-dir', settings: `deploy: { remoteCopy: { copyAsDir: true } },`, steps: [deploy] },
  {
    name: 'no-repository',
    settings: `repositoryUrl: '', workspace: env.WORKSPACE, shallowClone: false, keepWorkspace: true,`,
    body: `execFileSync('git', ['clone', '-q', env.REPOSITORY_URL, env.WORKSPACE])`,
    steps: [deploy],
  },
  {
    name: 'working-copy',
    settings: `repositoryUrl: '', workspace: env.WORKSPACE, rsyncFrom: env.WORKSPACE + '/build/', keepWorkspace: true,`,
    body: `
      if (!existsSync(env.WORKSPACE)) execFileSync('git', ['clone', '-q', env.REPOSITORY_URL, env.WORKSPACE])
      shipit.on('fetched', () => shipit.start('build'))
      shipit.blTask('build', () => shipit.local('mkdir -p build && cp *.js build/', { cwd: shipit.workspace }))`,
    steps: [deploy, deploy],
  },
  { name: 'as-user', settings: `asUser: 'shop',`, steps: [...DEPLOY_TWICE, rollback] },
  { name: 'one-server', settings: `servers: JSON.parse(env.SERVERS)[0],`, steps: [deploy] },
  {
    name: 'readme',
    servers: 2,
    settings: `ignores: ['.git', 'node_modules'], keepReleases: 2, keepWorkspace: false, deleteOnRollback: false, shallowClone: true, deploy: { remoteCopy: { copyAsDir: false } },`,
    steps: [...DEPLOY_TWICE, rollback],
  },
]

/** Listeners, in which shipitfiles build, notify and restart. */
const LISTENERS: Case[] = [
  {
    name: 'build-on-fetched',
    servers: 2,
    body: `
      shipit.on('fetched', () => shipit.start('build'))
      shipit.blTask('build', async () => {
        await shipit.local('echo built >built.txt && ls >list.txt', { cwd: shipit.workspace })
        note('built')
      })`,
    steps: [...DEPLOY_TWICE, rollback],
  },
  {
    name: 'build-in-listener',
    body: `shipit.on('fetched', () => writeFileSync(join(shipit.workspace, 'built.txt'), 'built'))`,
    steps: DEPLOY_TWICE,
  },
  {
    name: 'build-in-several',
    body: `
      shipit.on('fetched', () => writeFileSync(join(shipit.workspace, 'built.txt'), 'one'))
      shipit.on('fetched', () => shipit.start('two', 'three'))
      shipit.blTask('two', async () => { await wait(50); await shipit.local('echo two >>built.txt', { cwd: shipit.workspace }) })
      shipit.blTask('three', ['two'], () => shipit.local('echo three >>built.txt', { cwd: shipit.workspace }))`,
    steps: DEPLOY_TWICE,
  },
  {
    name: 'build-odd',
    body: `
      shipit.on('fetched', () => {
        const at = name => join(shipit.workspace, name)
        mkdirSync(at('empty/er'), { recursive: true, mode: 0o700 })
        mkdirSync(at('-x/a b'), { recursive: true })
        for (const name of ['-x/$HOME \\'ü\\'', 'two\\nlines', '#x', '\\\\back']) writeFileSync(at(name), name)
        writeFileSync(at('private'), 'x', { mode: 0o600 })
        writeFileSync(at('read'), 'x', { mode: 0o444 })
        for (const link of [['-s', 'nowhere', at('dangling')], ['-s', 'empty', at('link')], ['-s', '/etc/hostname', at('absolute')], [at('read'), at('same')]])
          execFileSync('ln', link)
        execFileSync('rm', [at('README.md')])
        appendFileSync(at('server.js'), 'more')
      })`,
    steps: DEPLOY_TWICE,
  },
  {
    name: 'build-fails',
    body: `
      shipit.on('fetched', () => shipit.start('build'))
      shipit.blTask('build', () => shipit.local('exit 3', { cwd: shipit.workspace }))`,
    steps: [deploy],
  },
  {
    name: 'build-on-task-stop',
    body: `
      shipit.on('task_stop', ({ task }) => { if (task === 'deploy:fetch') shipit.start('build') })
      shipit.blTask('build', () => shipit.local('echo built >built.txt', { cwd: shipit.workspace }))`,
    steps: DEPLOY_TWICE,
  },
  {
    name: 'git-in-build',
    body: `
      shipit.on('fetched', () => shipit.start('build'))
      shipit.blTask('build', async () => {
        const git = (command, file) => shipit.local('git ' + command + ' >' + file, { cwd: shipit.workspace })
        await git('rev-parse HEAD', 'revision')
        await git('describe --always --dirty --exclude "*"', 'clean')
        await git('log -1 --format=%s', 'subject')
        await git('rev-parse --abbrev-ref HEAD', 'branch')
        await git('describe --tags --always', 'history')
      })`,
    steps: [{ git: ['tag', 'v1'] }, ...DEPLOY_TWICE],
  },
  {
    name: 'remote-on-events',
    servers: 2,
    body: `
      for (const event of ['updated', 'published', 'cleaned', 'deployed', 'rollback', 'rollbacked'])
        shipit.on(event, () => shipit.start('on ' + event))
      for (const event of ['updated', 'published', 'cleaned', 'deployed', 'rollback', 'rollbacked'])
        shipit.blTask('on ' + event, async () => {
          const results = await shipit.remote('ls ' + shipit.releasesPath + ' | wc -l')
          await wait(30)
          note('on ' + event, { releases: results.map(({ stdout }) => stdout.trim()) })
        })`,
    steps: [...DEPLOY_TWICE, rollback],
  },
  {
    name: 'remote-in-release',
    servers: 2,
    body: `
      shipit.on('updated', () => shipit.start('install'))
      shipit.blTask('install', () => shipit.remote('cd ' + shipit.releasePath + ' && echo installed >installed.txt'))`,
    steps: DEPLOY_TWICE,
  },
  {
    name: 'remote-fails',
    servers: 2,
    body: `
      shipit.on('published', () => shipit.start('restart'))
      shipit.blTask('restart', () => shipit.remote('exit 3'))`,
    steps: [deploy],
  },
  {
    name: 'promise-in-listener',
    // Nothing waits for it.
    body: `
      shipit.on('published', async () => {
        await new Promise(resolve => shipit.once('cleaned', resolve))
        note('listener ended')
      })`,
    steps: [deploy],
  },
  {
    name: 'throws-in-listener',
    body: `shipit.on('published', () => { throw new Error('listener') })`,
    steps: [deploy],
  },
  {
    name: 'copies',
    servers: 2,
    body: `
      shipit.on('updated', () => shipit.start('copy'))
      shipit.blTask('copy', async () => {
        const from = join(env.PROJECT, 'from')
        mkdirSync(join(from, 'a b'), { recursive: true })
        for (const name of ['.env', 'a b/c', 'no.tmp']) writeFileSync(join(from, name), name)
        const file = await shipit.copyToRemote(join(from, '.env'), shipit.releasePath + '/.env')
        const folder = await shipit.copyToRemote(from + '/', shipit.releasePath + '/to', { ignores: ['*.tmp'], rsync: '--chmod=Fu=r' })
        const back = await shipit.copyFromRemote(shipit.releasePath + '/README.md', join(env.PROJECT, 'README.md'))
        const error = await shipit.copyToRemote(join(from, 'nothing'), shipit.releasePath + '/x').catch(error => error)
        note('copied', { file: file.length, folder: folder.length, back: back.length, error: error.code, files: readdirSync(env.PROJECT).includes('README.md') })
      })`,
    steps: [deploy],
  },
  {
    name: 'plain-task-beside',
    // Ends only if later tasks do not wait for it.
    body: `
      shipit.task('beside', () => new Promise(resolve => shipit.once('cleaned', resolve)))
      shipit.blTask('blocking', ['first'], () => shipit.remote('true'))
      shipit.blTask('first', () => shipit.remote('true'))
      shipit.on('published', () => shipit.start('beside', 'blocking'))`,
    steps: [deploy],
  },
  {
    name: 'local-result',
    servers: 2,
    body: `
      shipit.blTask('ask', async () => {
        const { stdout, stderr } = await shipit.local('echo out; echo err >&2')
        const [{ stdout: remote }] = await shipit.remote('echo $HOME | wc -l')
        note('asked', { stdout, stderr, remote })
        const [{ stdout: there }] = await shipit.remote('pwd', { cwd: '/' })
        note('in a folder', { here: (await shipit.local('pwd', { cwd: '/' })).stdout, there })
        const [quoted] = await shipit.remote('echo "$0" \\'a b\\' "c  d" \\\\$HOME; echo second >&2')
        note('quoted', { stdout: quoted.stdout, stderr: quoted.stderr })
        const error = await shipit.local('exit 4').catch(error => error)
        note('failed', { code: error.code })
        const failed = await shipit.remote('exit 5').catch(error => error)
        note('failed there', { code: failed.code })
      })`,
    steps: [{ run: 'ask' }],
  },
]

const LIST = `['deploy:init', 'deploy:fetch', 'build', 'deploy:update', 'deploy:publish', 'deploy:clean', 'deploy:finish']`
const ROLLBACK_LIST = `['rollback:init', 'deploy:publish', 'after', 'deploy:clean', 'rollback:finish']`
const BUILD = `shipit.blTask('build', () => shipit.local('echo built >built.txt', { cwd: shipit.workspace }))`

/** Custom task lists. */
const LISTS: Case[] = [
  {
    name: 'own-lists',
    servers: 2,
    short: true,
    body: `${BUILD}; shipit.blTask('deploy', ${LIST}); shipit.task('rollback', ${ROLLBACK_LIST}); shipit.blTask('after', () => note('after'))`,
    steps: [...DEPLOY_TWICE, rollback],
  },
  {
    name: 'own-list-before',
    before: true,
    body: `${BUILD}; shipit.blTask('deploy', ${LIST})`,
    steps: DEPLOY_TWICE,
  },
  {
    name: 'own-list-task',
    body: `${BUILD}; shipit.task('deploy', ${LIST}, () => note('deployed'))`,
    steps: [deploy],
  },
  {
    name: 'own-list-other-name',
    body: `${BUILD}; shipit.task('release', ${LIST})`,
    steps: [{ run: 'release' }, commit, { run: 'release' }],
  },
  {
    name: 'own-list-short',
    body: `shipit.task('deploy', ['deploy:fetch', 'deploy:update', 'deploy:publish'])`,
    steps: DEPLOY_TWICE,
  },
  {
    name: 'own-list-with-deploy',
    body: `shipit.task('all', ['deploy'], () => note('all'))`,
    steps: [{ run: 'all' }],
  },
  {
    name: 'own-rollback',
    body: `shipit.task('rollback', ${ROLLBACK_LIST}); shipit.blTask('after', () => note('after'))`,
    steps: [...DEPLOY_TWICE, deploy, rollback],
  },
  {
    name: 'own-rollback-short',
    body: `shipit.task('back', ['rollback:init', 'deploy:publish'])`,
    steps: [...DEPLOY_TWICE, { run: 'back' }],
  },
  {
    name: 'depends-on-fetch',
    body: `shipit.blTask('build', ['deploy:init', 'deploy:fetch'], () => shipit.local('echo built >built.txt', { cwd: shipit.workspace })); shipit.blTask('ship', ['build', 'deploy:update', 'deploy:publish'])`,
    steps: [{ run: 'ship' }, commit, { run: 'ship' }],
  },
  {
    name: 'own-update',
    body: `shipit.blTask('deploy:update', async () => { shipit.releaseDirname = '20260101000000'; shipit.releasePath = shipit.releasesPath + '/20260101000000'; await shipit.remote('mkdir -p ' + shipit.releasePath); await shipit.copyToRemote(shipit.workspace + '/', shipit.releasePath); shipit.emit('updated') })`,
    steps: [deploy],
  },
  {
    name: 'start-in-task',
    body: `shipit.blTask('go', () => { shipit.start('deploy') })`,
    steps: [{ run: 'go' }],
  },
]

/** Single workflows from the READMEs. */
const WORKFLOWS: Case[] = [
  { name: 'pending', steps: [{ run: 'pending' }, deploy, { run: 'pending' }, commit, { run: 'pending' }] },
  { name: 'rollback-without', steps: [rollback] },
  { name: 'rollback-after-rollback', steps: [deploy, deploy, rollback, deploy, rollback] },
  {
    name: 'new-server',
    servers: 2,
    settings: `servers: JSON.parse(env.SERVERS).slice(0, env.ONE ? 1 : 2),`,
    steps: [{ run: 'deploy', env: { ONE: '1' } }, deploy],
  },
  {
    name: 'unreachable',
    servers: 2,
    settings: `servers: [...JSON.parse(env.SERVERS), { user: 'nobody', host: '127.0.0.1', port: 1 }],`,
    steps: [deploy],
  },
  {
    name: 'folder-for-current',
    body: `shipit.task('block', () => shipit.remote('mkdir -p ' + env.DEPLOY_TO + '/current/x'))`,
    steps: [{ run: 'block' }, deploy],
  },
  ...[
    'deploy:update',
    'deploy:publish',
    'deploy:clean',
    'rollback:init',
    'rollback:finish',
    'pending:log',
  ].map((task) => ({ name: `${task.replace(':', '-')}-on-nothing`, steps: [{ run: task }] })),
  { name: 'rollback-with-one', steps: [deploy, rollback] },
  { name: 'rollback-twice', servers: 2, steps: [deploy, deploy, deploy, rollback, rollback] },
  { name: 'init-alone', steps: [{ run: 'deploy:init' }] },
  { name: 'fetch-alone', steps: [{ run: 'deploy:fetch' }] },
  { name: 'clean-alone', steps: [deploy, deploy, { run: 'deploy:clean' }] },
  { name: 'publish-alone', steps: [deploy, { run: 'deploy:publish' }] },
  {
    name: 'tasks-in-one-run',
    settings: OWN_WORKSPACE,
    body: MAKE_WORKSPACE,
    steps: [{ run: ['deploy', 'pending'] }, { run: ['deploy:init', 'deploy:fetch'] }],
  },
  { name: 'finish-alone', steps: [{ run: 'deploy:finish' }] },
  { name: 'unknown-task', steps: [{ run: 'nothing' }] },
  {
    name: 'several-tasks',
    body: `
      shipit.task('one', () => note('one'))
      shipit.task('two', ['one'], async () => { await wait(20); note('two') })
      shipit.blTask('three', () => { shipit.start(['one', 'two']); shipit.start('one', 'two') })`,
    steps: [{ run: 'two' }, { run: 'three' }],
  },
]

const DATABASES = `db: { ignoreTables: ['logs'], local: { host: 'localhost', username: 'here', password: 'p w', database: env.DATABASE },
  remote: { host: 'db', username: 'there', database: env.DATABASE } },`
const ALL = ['shared', 'npm', 'yarn', 'bower', 'composer', 'pm2', 'slack', 'assets', 'db']
  .map((name) => `plugin('shipit-${name}')(shipit)`)
  .join('\n')
const ALL_SETTINGS = `
  npm: { installFlags: ['--production'] }, yarn: { yarnOrNpm: 'best', installArgs: 'left-pad' }, bower: { installFlags: ['-F'] },
  composer: { composerCommand: 'composer', installFlags: ['--no-dev'] }, pm2: { json: 'app.json' },
  slack: { webhookUrl: env.SLACK, channel: '#deploys', message: 'Deployed', template: { text: '{{message}} to {{buildEnv}}' } },
  shared: { dirs: ['log', { path: 'tmp/pids', chmod: '-R 777' }], files: ['config/secret.json'], overwrite: true },
  assets: { paths: ['uploads', 'media'], localBasePath: env.PROJECT, options: { ignores: ['*.tmp'] } }, ${DATABASES}`

/** Plugins from the npm registry. */
const PLUGINS: Case[] = [
  {
    name: 'plugins-after',
    servers: 2,
    body: ALL,
    settings: ALL_SETTINGS,
    steps: DEPLOY_TWICE,
  },
  {
    name: 'plugins-before',
    before: true,
    body: ALL,
    settings: ALL_SETTINGS,
    steps: [...DEPLOY_TWICE, rollback],
  },
  ...['npm', 'yarn', 'bower', 'composer'].map((name) => ({
    name: `${name}-on-this-machine`,
    before: name === 'yarn',
    body: `${MAKE_WORKSPACE}; plugin('shipit-${name}')(shipit)`,
    settings: `${OWN_WORKSPACE} ${name}: { remote: false, composerCommand: 'composer' },`,
    steps: DEPLOY_TWICE,
  })),
  {
    name: 'npm-at-another-event',
    body: `plugin('shipit-npm')(shipit)`,
    settings: `npm: { triggerEvent: 'published' },`,
    steps: [deploy],
  },
  {
    name: 'npm-never',
    body: `plugin('shipit-npm')(shipit)`,
    settings: `npm: { triggerEvent: false },`,
    steps: [deploy],
  },
  {
    name: 'yarn-run',
    body: `plugin('shipit-yarn')(shipit)`,
    settings: `yarn: { cmd: 'run warm' },`,
    steps: [deploy, { run: 'yarn:run' }],
  },
  {
    name: 'assets',
    body: `
      mkdirSync(join(env.PROJECT, 'uploads/a b'), { recursive: true }); mkdirSync(join(env.PROJECT, 'media'), { recursive: true })
      writeFileSync(join(env.PROJECT, 'uploads/a b/photo'), 'x'); writeFileSync(join(env.PROJECT, 'uploads/no.tmp'), 'x')
      ${ALL}
      shipit.task('change', () => shipit.remote('echo new >' + env.DEPLOY_TO + '/shared/uploads/new'))
      shipit.task('look', () => note('look', { uploads: readdirSync(join(env.PROJECT, 'uploads')).sort() }))`,
    // Only one, as files from several servers arrive in any order.
    settings: `servers: JSON.parse(env.SERVERS)[0], ${ALL_SETTINGS}`,
    steps: [deploy, { run: 'assets:push' }, { run: 'change' }, { run: 'assets:pull' }, { run: 'look' }],
  },
  {
    name: 'db',
    body: `${MAKE_WORKSPACE}; plugin('shipit-db')(shipit)`,
    settings: `workspace: env.WORKSPACE, ${DATABASES}`,
    steps: [deploy, { run: 'db:pull' }, { run: 'db:push' }],
  },
  {
    name: 'shared-alone',
    body: `plugin('shipit-shared')(shipit)`,
    settings: `shared: { dirs: ['log'], triggerEvent: false },`,
    steps: [deploy, { run: 'shared' }, deploy],
  },
]

export const CASES: readonly Case[] = [...OPTIONS, ...LISTENERS, ...LISTS, ...WORKFLOWS, ...PLUGINS]
