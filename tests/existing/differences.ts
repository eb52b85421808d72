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
    what: '`rsyncFrom`, `rsync`, `copy`, `deploy.remoteCopy` and an empty `repositoryUrl` are [mistakes](#settings).',
    why: 'A release comes from an archive of a commit. What they say would not happen.',
    matches: (_, { ours }) => SETTINGS.test(ours.output),
  },
  {
    modes: ['pull'],
    what: 'Files that `ignores` names are not carried over from release to release.',
    why: 'A release is what its archive holds. What is to stay belongs in `linkedDirs` or `linkedFiles`.',
    matches: ({ what, ours }, { plain }) =>
      what.startsWith('tree carried') && ours === 'not there' && !failed(plain),
  },
  {
    modes: ['pull'],
    what: '`pending` also works with a shallow clone.',
    why: 'The mirror on the deploy machine has the history.',
    matches: (_, { plain, ours }) =>
      plain.moments.some(({ what }) => what === 'task pending:log failed') && !failed(ours),
  },
  {
    modes: ['dsl', 'pull'],
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
    modes: ['pull'],
    what: 'A missing branch or `dirToCopy` ends the run a task earlier.',
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
