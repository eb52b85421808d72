/** A kind of work on a server, as timelines show it. */
export interface SpanKind {
  readonly name: string
  /** Stands for it where its name does not fit. */
  readonly letter: string
}

/** In the order of a deploy. */
const KINDS: readonly SpanKind[] = [
  { name: 'queue', letter: 'q' },
  { name: 'connect', letter: 'c' },
  { name: 'check', letter: 'k' },
  { name: 'fetch', letter: 'f' },
  { name: 'verify', letter: 'v' },
  { name: 'unpack', letter: 'u' },
  { name: 'link', letter: 'l' },
  { name: 'flip', letter: 'p' },
  { name: 'clean', letter: 'n' },
]

/** Any other script. */
const SCRIPT: SpanKind = { name: 'script', letter: 's' }

export const ALL_KINDS: readonly SpanKind[] = [...KINDS, SCRIPT]

/** The kind that a span is shown as. */
export function kindOf(what: string): SpanKind {
  return KINDS.find(({ name }) => name === what) ?? SCRIPT
}

/** The kinds that occur, in the order of a deploy. */
export function kindsIn(whats: Iterable<string>): SpanKind[] {
  const seen = new Set([...whats].map(kindOf))
  return ALL_KINDS.filter((kind) => seen.has(kind))
}
