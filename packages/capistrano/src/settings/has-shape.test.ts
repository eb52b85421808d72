import { expect, it } from 'vitest'
import { hasShape } from './has-shape.js'

abstract class Archiver {
  abstract readonly format: string
  pack(): void {}
}

class Zip extends Archiver {
  readonly format = 'zip'
  readonly programs = ['unzip']
}

const shape = { pack: 'function', format: 'string', programs: 'array' } as const

it('recognises a value by its own or inherited properties', () => {
  expect(hasShape<Zip>(new Zip(), shape)).toBe(true)
  expect(hasShape<Zip>({ pack: () => {}, format: 'zip', programs: [] }, shape)).toBe(true)
})

it.each([
  undefined,
  null,
  'zip',
  () => {},
  {},
  { pack: true, format: 'zip', programs: [] },
  { format: 'zip', programs: [] },
])('rejects %j', (value) => {
  expect(hasShape<Zip>(value, shape)).toBe(false)
})
