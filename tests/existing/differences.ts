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
    what: 'Releases have no `.git`. The workspace has one until it is packed, a file as in a worktree: git works in builds.',
    why: "Servers need the commit's files. `.git` is the deploy machine's clone, with the history and the URL of the repository. The `ignores: ['.git']` of Shipit's README does the same.",
    matches: ({ what, plain, ours }) =>
      /^tree (.*\/)?\.git$/.test(what)
        ? ours === 'not there' || ours.startsWith('file ')
        : what.startsWith('variable files of workspace') && plain.replace('".git",', '') === ours,
  },
  {
    modes: ['pull'],
    what: "Releases have a file `REVISION_TIME`: the commit's time, in seconds.",
    why: 'Capistrano writes it, and applications read it.',
    matches: ({ what, plain }) => what === 'tree REVISION_TIME' && plain === 'not there',
  },
  {
    modes: ['pull'],
    what: 'At `fetched`, the workspace has files only where something can build in it: a listener of `fetched`, `task_start` or `task_stop`, a task between `deploy:fetch` and `deploy:update`, or `keepWorkspace`.',
    why: 'Storage may have the archive of the commit already. Nothing is to be built then, and the deploy takes seconds.',
    matches: ({ what, ours }) => what.startsWith('variable files of workspace') && ours === 'null',
  },
  {
    modes: ['pull'],
    what: 'From `deploy:fetch` on, `workspace` and `config.workspace` are a new folder with the commit alone, whatever the shipitfile says.',
    why: 'Nothing of an earlier or a parallel deploy gets into an archive. Plugins that build in `config.workspace` build there.',
    matches: ({ what, plain, ours }) =>
      what.startsWith('variable config.workspace')
        ? ours === '"<workspace>"'
        : what.startsWith('variable files of workspace') && plain.replace(/"installed-by-\w+",/, '') === ours,
  },
  {
    modes: ['pull'],
    what: '`rsyncFrom`, `rsync`, `copy` and `deploy.remoteCopy` end the run when Shipit initialises, unless they ask for what a pull deploy does anyway; so does an empty `repositoryUrl`.',
    why: 'A release comes from the archive of a commit. The message says what to set instead; to pass over the setting would deploy something else.',
    matches: (_, { ours }) => SETTINGS.test(ours.output),
  },
  {
    modes: ['pull'],
    what: 'What `ignores` names is not carried over from one release to the next.',
    why: 'A push starts with a copy of the release before, so files of the servers survive in it. In a pull deploy a release is what its archive holds. What is to stay belongs into `linkedDirs` and `linkedFiles`.',
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
    what: 'Of an annotated tag, `currentRevision` and `REVISION` have the commit, not the tag object.',
    why: 'So it can be compared with what other branches and tags deployed. Capistrano does the same.',
    matches: ({ what }, { plain, ours }) =>
      /^(variable currentRevision|tree REVISION)/.test(what) && !failed(plain) && !failed(ours),
  },
  {
    modes: ['dsl', 'pull'],
    what: 'A deploy that fails before it publishes leaves no release behind.',
    why: 'Half a release is in nobody’s way then: not in a rollback’s, and not among those that `keepReleases` keeps.',
    matches: ({ what, ours }, runs) =>
      what === 'releases' && failed(runs.plain) && failed(runs.ours) && ours === '[]',
  },
  {
    modes: ['pull'],
    what: 'A mistake ends the run before the task that it ended before: a missing branch in `deploy:check`, a missing `dirToCopy` in `net_storage:upload_archive`.',
    why: 'Nothing has been changed on a server by then.',
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
