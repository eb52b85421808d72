import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pipeProgram, readProgram, runProgram, whyFailed } from './run-program.js'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'run-program-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

const SECRET = 's3cr3t'
const REASON = new Error('enough')
const ENDED = { rejectedWith: REASON, isRunning: false }
const sh = (script: string) => ['sh', '-c', script] as const

/** Aborts a shell that waits for a child process, and returns how both ended. */
async function abortTree(
  start: (script: string, signal: AbortSignal) => Promise<unknown>,
): Promise<{ rejectedWith: unknown; isRunning: boolean }> {
  const file = join(directory, crypto.randomUUID())
  await writeFile(file, '')
  const controller = new AbortController()
  const outcome = start(`sleep 60 & echo $! >${file}; wait`, controller.signal).catch(
    (error: unknown) => error,
  )
  while (!readFileSync(file, 'utf8').endsWith('\n')) await pause(10)
  const pid = Number(readFileSync(file, 'utf8'))
  controller.abort(REASON)
  const rejectedWith = await outcome
  // init takes a moment to reap it.
  for (let tries = 0; tries < 100 && isRunning(pid); tries += 1) await pause(20)
  return { rejectedWith, isRunning: isRunning(pid) }
}

function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

describe('runProgram', () => {
  it("returns a program's output, separate and combined", async () => {
    const outcome = await runProgram(sh('echo out; sleep 0.1; echo err >&2'), { all: true })
    expect(outcome).toMatchObject({
      failed: false,
      exitCode: 0,
      stdout: 'out',
      stderr: 'err',
      all: 'out\nerr',
    })
  })

  it('returns bytes on request', async () => {
    const { stdout } = await runProgram(['cat'], { input: 'a\n\n', encoding: 'buffer' })
    expect(Buffer.from(stdout).toString()).toBe('a\n\n')
  })

  it('passes no input by default, and ignores unread input', async () => {
    expect(await runProgram(['cat'])).toMatchObject({ exitCode: 0, stdout: '' })
    expect(await runProgram(['true'], { input: 'x'.repeat(1 << 20) })).toMatchObject({ failed: false })
  })

  it('adds to the environment, or replaces it', async () => {
    const script = sh('echo "$ADDED, ${HOME:-none}"')
    const added = await runProgram(script, { env: { ADDED: 'yes', HOME: '/h' } })
    expect(added.stdout).toBe('yes, /h')
    const alone = await runProgram(['/bin/sh', '-c', script[2]], { env: { ADDED: 'yes' }, extendEnv: false })
    expect(alone.stdout).toBe('yes, none')
  })

  it.each([
    ['a status', sh(`echo said >&2; exit 3 # ${SECRET}`), { exitCode: 3 }, 'said'],
    ['a status and no output', sh(`exit 3 # ${SECRET}`), { exitCode: 3 }, 'status 3'],
    ['a signal', sh(`kill -9 $$ # ${SECRET}`), { signal: 'SIGKILL' }, 'status SIGKILL'],
    [
      'nothing, as it does not exist',
      ['no-such-program', SECRET] as const,
      { code: 'ENOENT' },
      'spawn no-such-program ENOENT',
    ],
  ])(
    'explains the failure of one that ended with %s, without its arguments',
    async (_, command, ended, why) => {
      const outcome = await runProgram(command)
      expect(outcome).toMatchObject({ failed: true, ...ended })
      expect(whyFailed(outcome)).toBe(why)
    },
  )

  it('kills a program that exceeds maxBuffer', async () => {
    const outcome = await runProgram(['yes'], { maxBuffer: 1000, encoding: 'buffer' })
    expect(outcome.failed).toBe(true)
    expect(outcome.stdout.length).toBe(1000)
  })

  it('terminates the whole process tree when aborted', async () => {
    expect(await abortTree((script, signal) => runProgram(sh(script), { signal }))).toEqual(ENDED)
  })

  it('starts nothing if already aborted', async () => {
    await expect(runProgram(['true'], { signal: AbortSignal.abort(REASON) })).rejects.toBe(REASON)
  })
})

describe('pipeProgram', () => {
  const signal = new AbortController().signal
  const ZEROS = ['head', '-c', '50000000', '/dev/zero'] as const

  it('pipes the output of one into the other', async () => {
    const file = join(directory, 'piped')
    expect(await pipeProgram([ZEROS, {}], [sh(`cat >${file}`), {}], signal)).toBeUndefined()
    expect(readFileSync(file).length).toBe(50_000_000)
  })

  it.each([
    ['the first', sh('echo first >&2; exit 1'), sh('cat; echo second >&2; exit 2'), 'first'],
    ['the second', sh('echo x'), sh('cat; echo second >&2; exit 2'), 'second'],
    ['the second, which reads nothing', ZEROS, sh('echo second >&2; exit 2'), 'second'],
    [
      'the first, which does not exist',
      ['no-such-program'] as const,
      ['cat'] as const,
      'spawn no-such-program ENOENT',
    ],
    ['the second, which does not exist', ZEROS, ['no-such-program'] as const, 'spawn no-such-program ENOENT'],
  ])('reports that %s failed', async (_, from, to, why) => {
    const failed = await pipeProgram([from, {}], [to, {}], signal)
    expect(failed && whyFailed(failed)).toBe(why)
  })

  it('accepts a program that stops reading early', async () => {
    expect(await pipeProgram([ZEROS, {}], [['head', '-c', '1'], {}], signal)).toBeUndefined()
  })

  it('terminates both when aborted', async () => {
    expect(
      await abortTree((script, aborted) => pipeProgram([sh(script), {}], [['cat'], {}], aborted)),
    ).toEqual(ENDED)
  })
})

describe('readProgram', () => {
  const failure = ({ exitCode, signal }: { exitCode?: number; signal?: string }): Error =>
    new Error(`ended with ${exitCode ?? signal ?? 'nothing'}`)

  async function* zeros(pieces: number, then: () => void = () => {}): AsyncGenerator<Uint8Array> {
    for (let index = 0; index < pieces; index += 1) yield Buffer.alloc(1 << 16)
    then()
  }

  async function length(chunks: AsyncIterable<Uint8Array>): Promise<number> {
    let sum = 0
    for await (const chunk of chunks) sum += chunk.length
    return sum
  }

  it('streams the output', async () => {
    expect(await length(readProgram(['cat'], { stdin: zeros(100), failure }))).toBe(100 << 16)
  })

  it('applies backpressure from output to input', async () => {
    let read = 0
    const stdin = (async function* () {
      for await (const piece of zeros(2000)) {
        read += piece.length
        yield piece
      }
    })()
    for await (const chunk of readProgram(['cat'], { stdin, failure })) {
      await pause(100)
      expect(chunk.length).toBeGreaterThan(0)
      break
    }
    expect(read).toBeLessThan(100 << 16)
  })

  it("rejects with its input's error", async () => {
    const error = Object.assign(new Error('no such tree'), { code: 'ENOENT' })
    const stdin = zeros(3, () => {
      throw error
    })
    await expect(length(readProgram(['cat'], { stdin, failure }))).rejects.toBe(error)
  })

  it.each([
    ['3', sh('cat >/dev/null; exit 3')],
    ['SIGKILL', sh('kill -9 $$')],
    ['nothing', ['no-such-program'] as const],
  ])("rejects with the caller's error for one that ended with %s", async (end, command) => {
    const reading = length(readProgram(command, { stdin: zeros(100), failure }))
    await expect(reading).rejects.toThrow(`ended with ${end}`)
  })

  it('terminates the whole process tree when aborted', async () => {
    const reading = (script: string, signal: AbortSignal): Promise<number> =>
      length(readProgram(sh(script), { stdin: zeros(1), signal, failure }))
    expect(await abortTree(reading)).toEqual(ENDED)
  })
})
