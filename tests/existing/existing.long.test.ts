import { expect, it } from 'vitest'
import { CASES } from './cases.js'
import { compareModes } from './compare-modes.js'
import { INTENDED } from './differences.js'

const met = compareModes(CASES)

it('needs every line in the table of differences', () => {
  expect(INTENDED.filter((each) => !met.has(each)).map(({ what }) => what)).toEqual([])
})
