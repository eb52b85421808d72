import { expect, it } from 'vitest'
import { z } from 'zod'
import { describeIssues, optionMistakes } from './mistakes.js'
import { numberFrom, seconds, text, wholeNumber } from './schemas.js'

it.each([
  [wholeNumber(1), 1, 1.5, 'a whole number >= 1'],
  [wholeNumber(1), 10, 0, 'a whole number >= 1'],
  [wholeNumber(1, 32), 32, 33, 'a whole number from 1 to 32'],
  [wholeNumber(0, 0o777, 'permissions'), 0o640, 'rw', 'permissions'],
  [numberFrom(1, 2, 'a number'), 1.5, 2.5, 'a number'],
  [seconds(), 0.5, -1, 'seconds'],
  [text('a name'), 'x', '', 'a name'],
])(
  'accepts what it describes, and rejects the rest with that description (%#)',
  (schema, right, wrong, words) => {
    expect(schema.safeParse(right).success).toBe(true)
    const { error = new z.ZodError([]) } = schema.safeParse(wrong)
    const mistake = describeIssues(error, wrong, ['it'], [])
    expect(mistake).toEqual([expect.stringMatching(`^it: expected ${words}; got `)])
  },
)

it("reports mistakes in a constructor's options, without their values", () => {
  const schema = z.strictObject({ key: text('a name'), wait: seconds() })
  expect(optionMistakes(schema, { key: 'x', wait: 0 })).toEqual([])
  expect(optionMistakes(schema, { key: ['s3cr3t'], wait: -1, more: 's3cr3t' })).toEqual([
    'key: expected a name',
    'wait: expected seconds',
    "unknown option 'more'; known options: key, wait",
  ])
})
