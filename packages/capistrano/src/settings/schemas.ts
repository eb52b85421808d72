import { z } from 'zod'

/** A schema's error, which follows a setting's name: `expected seconds`. */
export const expected = (words: string) => ({ error: `expected ${words}` })

/** A non-empty string. */
export const text = (words: string) => z.string(expected(words)).min(1, expected(words))

/** A number from `from` to `to`, inclusive. */
export const numberFrom = (from: number, to: number, words: string) =>
  z.number(expected(words)).min(from, expected(words)).max(to, expected(words))

/** A whole number from `from` to `to`, inclusive. @param words what the error expects @default the limits */
export function wholeNumber(from: number, to = Number.MAX_SAFE_INTEGER, words = limits(from, to)) {
  return z.int(expected(words)).min(from, expected(words)).max(to, expected(words))
}

/** Seconds, 0 or more. */
export const seconds = () => numberFrom(0, Infinity, 'seconds')

/** For `superRefine`: reports the `mistakes` that an object has found in its own options, without the object's value. */
export function ownMistakes(
  { mistakes = [] }: { readonly mistakes?: readonly string[] },
  context: z.RefinementCtx,
): void {
  for (const message of mistakes) context.addIssue({ code: 'custom', message, params: { hideValue: true } })
}

function limits(from: number, to: number): string {
  return to === Number.MAX_SAFE_INTEGER ? `a whole number >= ${from}` : `a whole number from ${from} to ${to}`
}
