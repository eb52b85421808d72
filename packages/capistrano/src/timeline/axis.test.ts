import { expect, it } from 'vitest'
import { shownSeconds, tickLabel, ticks } from './axis.js'

it.each([
  [0, '0.00 s'],
  [4, '<0.01 s'],
  [5, '0.01 s'],
  [450, '0.45 s'],
  [12_345, '12.3 s'],
  [99_949, '99.9 s'],
  [99_950, '1 min 40 s'],
  [119_999, '2 min 0 s'],
])('shows %i ms as %s', (ms, shown) => {
  expect(shownSeconds(ms)).toBe(shown)
})

it.each([
  [1, 5],
  [2640, 5],
  [5000, 5],
  [3_600_000, 8],
])('divides %i ms into at most %i round steps', (total, most) => {
  const all = ticks(total, most)
  expect(all[0]).toBe(0)
  expect(all.length).toBeGreaterThan(most / 3)
  expect(all.length).toBeLessThanOrEqual(most + 1)
  expect(all.at(-1)).toBeLessThanOrEqual(total)
})

it('labels ticks in seconds', () => {
  expect([0, 500, 20_000].map(tickLabel)).toEqual(['0 s', '0.5 s', '20 s'])
})
