/** What a server did, and how long it took. */
export interface Span {
  /** `queue`, `connect`, a step of a script, or the script's name. */
  readonly what: string
  /** Milliseconds since the run began. */
  readonly start: number
  /** Milliseconds. */
  readonly ms: number
  readonly failed?: true
}

/** What a server did in a run. */
export interface ServerSpans {
  readonly server: string
  /** Number of times that this machine waited for it. */
  readonly trips: number
  /** In order of their start. */
  readonly spans: readonly Span[]
}

/** Records the steps of a running script. */
export interface ScriptSteps {
  /** A step begins; the previous one ends. */
  next(step: string): void
  /** The script, which began at that `performance.now()`, has ended. */
  end(from: number, succeeded: boolean): void
}

/** What took how long on servers, in one run. */
export class Timeline {
  private readonly startedAt = performance.now()
  private readonly recorded = new Map<string, { trips: number; spans: Span[] }>()

  /** Records that something took from one `performance.now()` to another, unless that is next to nothing. */
  took(server: string, what: string, from: number, to: number, succeeded = true): void {
    if (to - from < 1) return
    const start = Math.round(from - this.startedAt)
    this.of(server).spans.push({
      what,
      start,
      ms: Math.round(to - from),
      ...(succeeded ? {} : { failed: true }),
    })
  }

  /** Records a round trip. */
  asked(server: string): void {
    this.of(server).trips += 1
  }

  /** Records a script, by its name, or by its steps if it has any. */
  stepsOf(server: string, script: string): ScriptSteps {
    const steps: { readonly what: string; readonly at: number }[] = []
    return {
      next: (what) => void steps.push({ what, at: performance.now() }),
      end: (from, succeeded) => {
        const begun = [
          ...(steps.length > 0 ? [] : [{ what: script.replace(/\.sh$/, ''), at: from }]),
          ...steps,
        ]
        for (const [index, { what, at }] of begun.entries()) {
          const next = begun[index + 1]
          this.took(
            server,
            what,
            index === 0 ? from : at,
            next?.at ?? performance.now(),
            succeeded || next !== undefined,
          )
        }
      },
    }
  }

  /** What each server did. */
  get servers(): ServerSpans[] {
    return [...this.recorded].map(([server, { trips, spans }]) => ({
      server,
      trips,
      spans: spans.toSorted((a, b) => a.start - b.start),
    }))
  }

  private of(server: string): { trips: number; spans: Span[] } {
    const found = this.recorded.get(server) ?? { trips: 0, spans: [] }
    this.recorded.set(server, found)
    return found
  }
}
