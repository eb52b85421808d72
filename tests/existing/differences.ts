import type { Difference } from './compare.js'
import type { Mode } from './modes.js'
import type { Observation } from './observe.js'

/** Two runs of the same set-up. */
export interface Runs {
  readonly plain: Observation
  readonly ours: Observation
}

/** Something that is another way on purpose. */
export interface Intended {
  readonly modes: readonly Exclude<Mode, 'plain'>[]
  /** Names of the cases that show it. @default all */
  readonly cases?: readonly string[]
  /** For users, in Markdown. */
  readonly what: string
  readonly why: string
  readonly matches: (difference: Difference, runs: Runs) => boolean
}

const SETTINGS = /^ {2}(rsyncFrom|rsync|copy|deploy\.remoteCopy|repositoryUrl): .* \[E_CONFIG\]$/m

const failed = ({ status }: Observation): boolean => status !== 0

/** All that differs on purpose. `docs/existing-setups.md` shows it. */
export const INTENDED: readonly Intended[] = [
  {
    modes: ['pull'],
    what: 'Releases have no `.git`. The workspace has one, a file, until it is packed.',
    why: "Servers need the commit's files alone. `ignores: ['.git']` of Shipit's README does the same.",
    matches: ({ what, plain, ours }) =>
      /^tree (.*\/)?\.git$/.test(what)
        ? ours === 'not there' || ours.startsWith('file ')
        : what.startsWith('variable files of workspace') && plain.replace('".git",', '') === ours,
  },
  {
    modes: ['pull'],
    what: 'Releases have a file `REVISION_TIME`: the time of the commit, in seconds.',
    why: 'Capistrano writes it, and applications read it.',
    matches: ({ what, plain }) => what === 'tree REVISION_TIME' && plain === 'not there',
  },
  {
    modes: ['pull'],
    what: 'At `fetched`, the workspace has files only where [something can build in it](#builds).',
    why: 'Storage may have the archive already: the deploy takes a second then.',
    matches: ({ what, ours }) => what.startsWith('variable files of workspace') && ours === 'null',
  },
  {
    modes: ['pull'],
    what: '`workspace` and `config.workspace` are a new folder, whatever the shipitfile says.',
    why: 'Nothing of an earlier or a parallel deploy gets into an archive.',
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
    what: '`rsyncFrom`, `rsync`, `copy`, `deploy.remoteCopy` and an empty `repositoryUrl` are [mistakes](#settings).',
    why: 'A release comes from an archive of a commit. What they say would not happen.',
    matches: (_, { ours }) => SETTINGS.test(ours.output),
  },
  {
    modes: ['pull'],
    cases: ['export-ignore'],
    what: 'What `.gitattributes` marks as `export-ignore` is not deployed.',
    why: 'An archive has what `git archive` has. Capistrano does the same.',
    matches: ({ what, plain, ours }) =>
      what.startsWith('tree ignored')
        ? ours === 'not there'
        : what.startsWith('variable files of workspace') &&
          plain.replace('".git",', '').replace('"ignored",', '') === ours.replace('".git",', ''),
  },
  {
    modes: ['pull'],
    cases: ['times'],
    what: 'Files are as old as their commit.',
    why: 'The same commit gives the same archive, to the byte.',
    matches: ({ what }) => what === 'tree times',
  },
  {
    modes: ['pull'],
    cases: ['ignores-carried-over'],
    what: 'Files that `ignores` names are not carried over from release to release.',
    why: 'A release is what its archive holds. What is to stay belongs in `linkedDirs` or `linkedFiles`.',
    matches: ({ what, ours }, { plain }) =>
      what.startsWith('tree carried') && ours === 'not there' && !failed(plain),
  },
  {
    modes: ['pull'],
    cases: ['pending', 'git-log-format', 'git-in-build'],
    what: 'With a shallow clone, too, `pending` and git in builds know the history.',
    why: 'The mirror on the deploy machine has it.',
    matches: ({ what }, { plain, ours }) =>
      what === 'tree history' ||
      (plain.moments.some((moment) => moment.what === 'task pending:log failed') && !failed(ours)),
  },
  {
    modes: ['pull'],
    cases: ['git-in-build'],
    what: "In builds, git's `HEAD` is the commit, and on no branch.",
    why: "Another deploy's fetch moves the mirror's branches. `shipit.config.branch` is the branch.",
    matches: ({ what }) => what === 'tree branch',
  },
  {
    modes: ['dsl', 'pull'],
    cases: ['rollback-after-rollback', 'keep-releases-after-rollback'],
    what: 'A rollback goes to what was live before, and `keepReleases` keeps what was live last.',
    why: 'shipit-deploy goes by names: it goes to, and keeps, a release that was rolled back from.',
    matches: ({ what, plain, ours }) =>
      /^(releases|variable (release|prevRelease)(Dirname|Path))/.test(what) &&
      plain.includes('<release ') &&
      ours.includes('<release '),
  },
  {
    modes: ['dsl', 'pull'],
    cases: ['new-server'],
    what: 'Servers may differ in `current`: a new one is deployed to.',
    why: 'A server that came later, or that a deploy did not reach, is what the next deploy is for.',
    matches: (_, { plain, ours }) => plain.output.includes('Remote servers are not synced') && !failed(ours),
  },
  {
    modes: ['dsl', 'pull'],
    cases: ['folder-for-current'],
    what: 'A folder in the place of `current` ends the deploy.',
    why: 'shipit-deploy goes on, and says that the release is published.',
    matches: (_, { ours }) => ours.output.includes('current is not a symbolic link'),
  },
  {
    modes: ['dsl', 'pull'],
    cases: ['keep-no-releases'],
    what: '`keepReleases: 0` is a mistake.',
    why: 'shipit-deploy removes what is live.',
    matches: (_, { ours }) => /^ {2}keepReleases: .* \[E_CONFIG\]$/m.test(ours.output),
  },
  {
    modes: ['pull'],
    cases: ['deploy-update-on-nothing'],
    what: '`deploy:update` also works by itself.',
    why: 'What it needs, it makes.',
    matches: (_, { plain, ours }) =>
      !failed(ours) &&
      plain.moments.some(({ what }) => what === 'task deploy:update failed') &&
      !plain.moments.some(({ what }) => what.startsWith('task deploy:fetch')),
  },
  {
    modes: ['dsl', 'pull'],
    cases: ['branch-annotated-tag'],
    what: 'Of an annotated tag, `currentRevision` and `REVISION` are the commit, not the tag object.',
    why: 'So they can be compared with those of branches. Capistrano does the same.',
    matches: ({ what }, { plain, ours }) =>
      /^(variable currentRevision|tree REVISION)/.test(what) && !failed(plain) && !failed(ours),
  },
  {
    modes: ['dsl', 'pull'],
    what: 'A deploy that fails before it publishes leaves no release.',
    why: 'Neither a rollback nor `keepReleases` should meet half of one.',
    matches: ({ what, ours }, runs) =>
      what === 'releases' && failed(runs.plain) && failed(runs.ours) && ours === '[]',
  },
  {
    modes: ['dsl', 'pull'],
    cases: ['unreachable', 'deploy-to-missing', 'branch-missing', 'dir-to-copy-missing'],
    what: 'A server out of reach, a missing `deployTo`, branch or `dirToCopy` ends the run a task earlier.',
    why: 'Then no server has even begun a release.',
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
