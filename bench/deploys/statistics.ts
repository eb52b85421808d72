export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  return ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle)] ?? NaN)) / 2
}

export interface Point {
  readonly x: number
  readonly y: number
}

export interface Line {
  readonly base: number
  readonly slope: number
}

/** The line with the least squares. @returns undefined without two different `x` */
export function fitLine(points: readonly Point[]): Line | undefined {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length
  const x = mean(points.map((point) => point.x))
  const y = mean(points.map((point) => point.y))
  const variance = mean(points.map((point) => (point.x - x) ** 2))
  if (!(variance > 0)) return undefined
  const slope = mean(points.map((point) => (point.x - x) * (point.y - y))) / variance
  return { base: y - slope * x, slope }
}
