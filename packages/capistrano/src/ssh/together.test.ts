import { expect, it } from 'vitest'
import type { Host, Send } from './host.js'
import { Script } from './script.js'
import { together, type Work } from './together.js'

/** A server whose scripts are named after their only variable; records the round trips. */
function fakeHost(statuses: Readonly<Record<string, number>> = {}): { host: Host; trips: string[][] } {
  const trips: string[][] = []
  const host = {
    roundTrip: async (jobs: readonly { script: Script }[], chain: boolean) => {
      const names = jobs.map(({ script }) => script.name.replace('script with ', ''))
      trips.push(names)
      const found = names.map((name) => statuses[name] ?? 0)
      const failed = chain ? found.findIndex((status) => status !== 0) : -1
      return failed < 0 ? found : found.slice(0, failed + 1)
    },
    sendingBy: (send: Send) => ({ send }),
  }
  return { host: host as unknown as Host, trips }
}

/** Runs a script; fails with its name unless its status is 0. */
const run = async (host: Host, name: string, input?: readonly Uint8Array[], isAny = false): Promise<void> => {
  const { send } = host as unknown as { send: Send }
  const job = { script: Script.of('').with({ [name]: '' }), isAny, stdout: () => {}, stderr: () => {} }
  const status = await send(job, { input, signal: new AbortController().signal })
  if (status !== 0) throw new Error(name)
}

const names = (outcomes: readonly PromiseSettledResult<unknown>[]): string[] =>
  outcomes.map((each) => (each.status === 'fulfilled' ? 'done' : (each.reason as Error).message))

const asks =
  (name: string): Work =>
  (host) =>
    run(host, name)

it('sends the first script of each in one round trip, in order, however late one asks', async () => {
  const { host, trips } = fakeHost()
  const late: Work = async (server) => {
    await new Promise((resolve) => setImmediate(resolve))
    await run(server, 'b')
  }
  expect(names(await together(host, [asks('a'), late, asks('c')], false))).toEqual(['done', 'done', 'done'])
  expect(trips).toEqual([['a', 'b', 'c']])
})

it('does not wait for work that asks nothing, or fails before it asks', async () => {
  const { host, trips } = fakeHost()
  const outcomes = await together(
    host,
    [asks('a'), async () => {}, () => Promise.reject(new Error('early')), asks('d')],
    false,
  )
  expect(names(outcomes)).toEqual(['done', 'done', 'early', 'done'])
  expect(trips).toEqual([['a', 'd']])
})

it('runs all, even after one that failed', async () => {
  const { host, trips } = fakeHost({ a: 1 })
  expect(names(await together(host, [asks('a'), asks('b')], false))).toEqual(['a', 'done'])
  expect(trips).toEqual([['a', 'b']])
})

it('sends further scripts of one by themselves', async () => {
  const { host, trips } = fakeHost()
  const twice: Work = async (server) => {
    await run(server, 'a')
    await run(server, 'again')
  }
  await together(host, [twice, asks('b')], false)
  expect(trips).toEqual([['a', 'b'], ['again']])
})

it('fails the rest of a chain with the error of the one that failed', async () => {
  const { host, trips } = fakeHost({ b: 1 })
  const outcomes = await together(host, [asks('a'), asks('b'), asks('c'), asks('d')], true)
  expect(names(outcomes)).toEqual(['done', 'b', 'b', 'b'])
  expect(trips).toEqual([['a', 'b', 'c', 'd']])
})

it('goes on with a chain where one that failed succeeds in another way', async () => {
  const { host, trips } = fakeHost({ b: 1 })
  const recovers: Work = (server) => run(server, 'b').catch(() => run(server, 'other'))
  const outcomes = await together(host, [asks('a'), recovers, asks('c'), asks('d')], true)
  expect(names(outcomes)).toEqual(['done', 'done', 'done', 'done'])
  expect(trips).toEqual([['a', 'b', 'c', 'd'], ['other'], ['c', 'd']])
})

it('sends a script with input by itself, in its turn', async () => {
  const { host, trips } = fakeHost()
  const withInput: Work = (server) => run(server, 'input', [])
  await together(host, [asks('a'), withInput, asks('c')], true)
  expect(trips).toEqual([['a'], ['input'], ['c']])
})

it("sends the user's command by itself, as it may leave something behind", async () => {
  const { host, trips } = fakeHost()
  const command: Work = (server) => run(server, 'command', undefined, true)
  await together(host, [asks('a'), command, asks('c')], false)
  expect(trips).toEqual([['a'], ['command'], ['c']])
})

it('fails all that travel together if the server is lost', async () => {
  const { host } = fakeHost()
  Object.assign(host, { roundTrip: () => Promise.reject(new Error('lost')) })
  expect(names(await together(host, [asks('a'), asks('b')], false))).toEqual(['lost', 'lost'])
})
