import { expect, it } from 'vitest'
import { compare } from './compare.js'
import type { Observation } from './observe.js'

const PLAIN: Observation = {
  status: 0,
  moments: [
    { what: 'event fetched', variables: { workspace: '"<workspace>"', 'files of workspace': 'null' } },
    { what: 'task build started', variables: { workspace: '"<workspace>"' } },
    { what: 'event updated', variables: { releaseDirname: '"<release 1>"' } },
  ],
  trees: { web1: { 'a.txt': 'file 644 1234' } },
  releases: { web1: ['<release 1>'] },
  calls: ['npm in <workspace>: i'],
  output: '',
}

const differences = (ours: Partial<Observation>): string[] =>
  compare(PLAIN, { ...PLAIN, ...ours }).map(({ what, plain, ours: other }) => `${what}: ${plain} → ${other}`)

it('finds what a run does differently', () => {
  expect(differences({})).toEqual([])
  expect(differences({ status: 1, trees: {} })).toEqual(['status: 0 → 1'])
  expect(differences({ trees: { web1: { 'a.txt': 'file 755 1234', b: 'folder 755' } } })).toEqual([
    'tree a.txt: file 644 1234 → file 755 1234',
    'tree b: not there → folder 755',
  ])
  expect(differences({ trees: {}, releases: {} })).toEqual([
    'tree a.txt: file 644 1234 → not there',
    'releases: ["<release 1>"] → ',
  ])
  expect(differences({ calls: [] })).toEqual(['calls: ["npm in <workspace>: i"] → []'])
})

it('finds missing, additional and reordered events, tasks and variables', () => {
  const [fetched, build, updated] = PLAIN.moments as [
    Observation['moments'][number],
    Observation['moments'][number],
    Observation['moments'][number],
  ]
  const order = 'event fetched, task build started, event updated'
  expect(differences({ moments: [fetched, updated] })).toEqual([
    `order: ${order} → event fetched, event updated`,
  ])
  expect(differences({ moments: [fetched, updated, build] })).toEqual([
    `order: ${order} → event fetched, event updated, task build started`,
  ])
  expect(differences({ moments: [fetched, fetched, build, updated] })).toEqual([
    `order: ${order} → event fetched, ${order}`,
  ])
  expect(differences({ moments: [fetched, build, updated, { what: 'event other', variables: {} }] })).toEqual(
    ['added event other:  → event other'],
  )
  const ours = { ...updated, variables: { releaseDirname: 'undefined' } }
  expect(differences({ moments: [fetched, build, ours] })).toEqual([
    'variable releaseDirname at event updated: "<release 1>" → undefined',
  ])
})

it('ignores what our plugins add, and values that exist for longer', () => {
  const ours = [
    { what: 'event start', variables: {} },
    { what: 'task deploy:check started', variables: {} },
    { what: 'task net_storage:upload_archive ended', variables: {} },
    { what: 'event lock:acquired', variables: {} },
  ]
  const moments = PLAIN.moments.map(({ what, variables }) => ({
    what,
    variables: { ...variables, 'files of workspace': '["a"]' },
  }))
  expect(differences({ moments: [...ours.slice(1), ...moments] })).toEqual([])
  expect(differences({ moments: [...ours.slice(0, 1), ...moments] })).toEqual([
    'added event start:  → event start',
  ])
})
