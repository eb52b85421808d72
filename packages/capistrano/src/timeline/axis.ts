/** A duration for people: `0.45 s`, `12.3 s`, `3 min 24 s`. */
export function shownSeconds(ms: number): string {
  if (ms > 0 && ms < 5) return '<0.01 s'
  if (ms < 10_000) return `${(ms / 1000).toFixed(2)} s`
  if (ms < 99_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

/** Round times from 0 to `total`, in milliseconds, at most `most` of them after 0. */
export function ticks(total: number, most: number): number[] {
  const power = 10 ** Math.floor(Math.log10(total / most))
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => total / each <= most) ?? total
  return Array.from({ length: Math.floor(total / step) + 1 }, (_, index) => index * step)
}

/** A tick's label: `1.5 s`. */
export function tickLabel(ms: number): string {
  return `${Number((ms / 1000).toFixed(3))} s`
}
