import { spawnSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { LOADER, quote, Script, serverScript } from './script.js'

const odd = [
  "it's",
  '$(touch pwned)',
  '`id`',
  '-rf',
  'two\nlines',
  'back\\slash \\n \\0047',
  '"double"',
  'ünïcödé ☃',
  '%s %b',
  '',
  ' ',
]

function run(script: Script, input = ''): { stdout: string; status: number | null } {
  return spawnSync('sh', ['-c', LOADER], { input: script.encode() + input, encoding: 'utf8' })
}

it('passes any value unchanged', () => {
  for (const value of odd) {
    expect(run(Script.of('printf "[%s]" "$value"').with({ value })).stdout).toBe(`[${value}]`)
    expect(run(Script.of(`printf '[%s]' ${quote(value)}`)).stdout).toBe(`[${value}]`)
  }
})

it('leaves the rest of standard input to the commands, byte for byte', () => {
  const input = 'data $(id) \\n\nsecond line\n'
  expect(run(Script.of('say head\ncat'), input).stdout).toBe(`head\n${input}`)
})

it('exits with the status of fail', () => {
  expect(run(Script.of('fail 42 "went wrong"')).status).toBe(42)
})

it('rejects a NUL', () => {
  expect(() => quote('a\0b')).toThrowError(expect.objectContaining({ code: 'E_NUL' }))
})

it('takes the last value of a variable', () => {
  const script = Script.of('printf %s "$a$b"').with({ a: 'first', b: 1 }).with({ a: 'last' })
  expect(spawnSync('sh', ['-c', LOADER], { input: script.encode() }).stdout.toString()).toBe('last1')
})

it('has a name without values', () => {
  expect(Script.of('true').name).toBe('script')
  expect(Script.of('true').with({ token: 's3cr3t', path: '/' }).name).toBe('script with token, path')
  expect(serverScript('upload').with({ token: 's3cr3t' }).name).toBe('upload.sh')
})
