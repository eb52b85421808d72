import { z } from 'zod'

/** The error of a schema, in the words that follow a setting's name: `expected seconds`. */
export const expected = (words: string) => ({ error: `expected ${words}` })

/** A text that is not empty. */
export const text = (words: string) => z.string(expected(words)).min(1, expected(words))

/** A number within limits, these two included. */
export const numberFrom = (from: number, to: number, words: string) =>
  z.number(expected(words)).min(from, expected(words)).max(to, expected(words))

/** A whole number within limits, these two included. @param words what people are told @default the limits */
export function wholeNumber(from: number, to = Number.MAX_SAFE_INTEGER, words = limits(from, to)) {
  return z.int(expected(words)).min(from, expected(words)).max(to, expected(words))
}

/** Seconds, from 0 on. */
export const seconds = () => numberFrom(0, Infinity, 'seconds')

function limits(from: number, to: number): string {
  return `a whole number from ${from}${to === Number.MAX_SAFE_INTEGER ? '' : ` to ${to}`}`
}
