import type { Difference } from './compare.js'
import type { Mode } from './modes.js'
import type { Observation } from './observe.js'

/** Observations of the same set-up, without and with our plugins. */
export interface Runs {
  readonly plain: Observation
  readonly ours: Observation
}

/** An intended difference. */
export interface Intended {
  readonly modes: readonly Exclude<Mode, 'plain'>[]
  /** Names of the cases that may show it. @default all */
  readonly cases?: readonly string[]
  /** Markdown, for users. */
  readonly what: string
  readonly why: string
  readonly matches: (difference: Difference, runs: Runs) => boolean
}

const SETTINGS = /^ {2}(rsyncFrom|rsync|copy|deploy\.remoteCopy|repositoryUrl): .* \[E_CONFIG\]$/m

const failed = ({ status }: Observation): boolean => status !== 0

/** All intended differences, shown in `docs/existing-setups.md`. */
export const INTENDED: readonly Intended[] = [
  {
    modes: ['pull'],
    what: 'Releases have no `.git`. The workspace has one, a file, until it is packed.',
    why: "Servers only need the commit's files. `ignores: ['.git']` in Shipit's README does the same.",
    matches: ({ what, plain, ours }) =>
      /^tree (.*\/)?\.git$/.test(what)
        ? ours === 'not there' || ours.startsWith('file ')
        : what.startsWith('variable files of workspace') && plain.replace('".git",', '') === ours,
  },
  {
    modes: ['pull'],
    what: "Releases have a file `REVISION_TIME` with the commit's time, in seconds.",
    why: 'Capistrano writes it, and applications read it.',
    matches: ({ what, plain }) => what === 'tree REVISION_TIME' && plain === 'not there',
  },
  {
    modes: ['pull'],
    what: 'At `fetched`, the workspace has files only if [something may build in it](#builds).',
    why: 'If storage already has the archive, the deploy takes a second.',
    matches: ({ what, ours }) => what.startsWith('variable files of workspace') && ours === 'null',
  },
  {
    modes: ['pull'],
    what: '`workspace` and `config.workspace` are a new folder, whatever the shipitfile sets.',
    why: 'Nothing from an earlier or concurrent deploy gets into an archive.',
    matches: ({ what, plain, ours }) =>
      what.startsWith('variable config.workspace')
        ? ours === '"<workspace>"'
        : what.startsWith('variable files of workspace') && plain.replace(/"installed-by-\w+",/, '') === ours,
  },
  {
    modes: ['pull'],
    cases: [
      'rsync-from',
      'copy-other',
      'rsync-options',
      'remote-copy-as-dir',
      'no-repository',
      'working-copy',
    ],
    what: '`rsyncFrom`, `rsync`, `copy`, `deploy.remoteCopy` and an empty `repositoryUrl` are [errors](#settings).',
    why: 'A release comes from an archive of a commit, so they would have no effect.',
    matches: (_, { ours }) => SETTINGS.test(ours.output),
  },
  {
    modes: ['pull'],
    cases: ['export-ignore'],
    what: 'Files that `.gitattributes` marks as `export-ignore` are not deployed.',
    why: 'An archive contains what `git archive` does. Capistrano does the same.',
    matches: ({ what, plain, ours }) =>
      what.startsWith('tree ignored')
        ? ours === 'not there'
        : what.startsWith('variable files of workspace') &&
          plain.replace('".git",', '').replace('"ignored",', '') === ours.replace('".git",', ''),
  },
  {
    modes: ['pull'],
    cases: ['times'],
    what: "Files have their commit's time.",
    why: 'The same commit gives the same archive, byte for byte.',
    matches: ({ what }) => what === 'tree times',
  },
  {
    modes: ['pull'],
    cases: ['ignores-carried-over'],
    what: 'Files excluded by `ignores` are not carried over from release to release.',
    why: 'A release is exactly what its archive holds. Use `linkedDirs` or `linkedFiles` for files to keep.',
    matches: ({ what, ours }, { plain }) =>
      what.startsWith('tree carried') && ours === 'not there' && !failed(plain),
  },
  {
    modes: ['pull'],
    cases: ['pending', 'git-log-format', 'git-in-build'],
    what: 'Even with a shallow clone, `pending` and git in builds see the full history.',
    why: 'The mirror on the deploy machine has it.',
    matches: ({ what }, { plain, ours }) =>
      what === 'tree history' ||
      (plain.moments.some((moment) => moment.what === 'task pending:log failed') && !failed(ours)),
  },
  {
    modes: ['pull'],
    cases: ['git-in-build'],
    what: "In builds, git's `HEAD` is detached at the commit.",
    why: "Another deploy's fetch may move the mirror's branches. `shipit.config.branch` has the branch.",
    matches: ({ what }) => what === 'tree branch',
  },
  {
    modes: ['dsl', 'pull'],
    cases: ['rollback-after-rollback', 'keep-releases-after-rollback'],
    what: 'A rollback goes to the previously live release, and `keepReleases` keeps the most recently live ones.',
    why: 'shipit-deploy goes by names: it rolls back to, and keeps, a release that was rolled back from.',
    matches: ({ what, plain, ours }) =>
      /^(releases|variable (release|prevRelease)(Dirname|Path))/.test(what) &&
      plain.includes('<release ') &&
      ours.includes('<release '),
  },
  {
    modes: ['dsl', 'pull'],
    cases: ['new-server'],
    what: 'Servers may differ in `current`: a new server gets the deploy.',
    why: 'The next deploy brings new servers, and those that a deploy missed, up to date.',
    matches: (_, { plain, ours }) => plain.output.includes('Remote servers are not synced') && !failed(ours),
  },
  {
    modes: ['dsl', 'pull'],
    cases: ['folder-for-current'],
    what: 'If `current` is a folder, the deploy fails.',
    why: 'shipit-deploy continues, and reports the release as published.',
    matches: (_, { ours }) => ours.output.includes('current is not a symbolic link'),
  },
  {
    modes: ['dsl', 'pull'],
    cases: ['keep-no-releases'],
    what: '`keepReleases: 0` is an error.',
    why: 'shipit-deploy removes the live release.',
    matches: (_, { ours }) => /^ {2}keepReleases: .* \[E_CONFIG\]$/m.test(ours.output),
  },
  {
    modes: ['pull'],
    cases: ['deploy-update-on-nothing'],
    what: '`deploy:update` also works by itself.',
    why: 'It creates what it needs.',
    matches: (_, { plain, ours }) =>
      !failed(ours) &&
      plain.moments.some(({ what }) => what === 'task deploy:update failed') &&
      !plain.moments.some(({ what }) => what.startsWith('task deploy:fetch')),
  },
  {
    modes: ['dsl', 'pull'],
    cases: ['branch-annotated-tag'],
    what: 'For an annotated tag, `currentRevision` and `REVISION` are the commit, not the tag object.',
    why: "They can then be compared with a branch's. Capistrano does the same.",
    matches: ({ what }, { plain, ours }) =>
      /^(variable currentRevision|tree REVISION)/.test(what) && !failed(plain) && !failed(ours),
  },
  {
    modes: ['dsl', 'pull'],
    what: 'A deploy that fails before it publishes leaves no release.',
    why: 'Neither a rollback nor `keepReleases` should find a partial one.',
    matches: ({ what, ours }, runs) =>
      what === 'releases' && failed(runs.plain) && failed(runs.ours) && ours === '[]',
  },
  {
    modes: ['dsl', 'pull'],
    cases: ['unreachable', 'deploy-to-missing', 'branch-missing', 'dir-to-copy-missing'],
    what: 'An unreachable server, a missing `deployTo`, branch or `dirToCopy` ends the run a task earlier.',
    why: 'No server has started a release by then.',
    matches: ({ what, plain, ours }, runs) =>
      what === 'order' && failed(runs.plain) && failed(runs.ours) && plain.startsWith(ours),
  },
]

/** The table as Markdown. */
export function renderIntended(): string {
  const names = { dsl: 'DSL', pull: 'pull' }
  const rows = INTENDED.map(
    ({ modes, what, why }) => `| ${modes.map((mode) => names[mode]).join(', ')} | ${what} | ${why} |`,
  )
  return ['| With | What differs | Why |', '| --- | --- | --- |', ...rows].join('\n')
}
