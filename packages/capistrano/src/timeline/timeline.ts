import type { ServerSpan, ServerTimeline } from './record.js'

/** Records the steps of a running script. */
export interface ScriptSteps {
  /** A step begins; the previous one ends. */
  next(step: string): void
  /** The script, which began at that `performance.now()`, has ended. */
  end(from: number, succeeded: boolean): void
}

/** A server's work so far. */
interface Work {
  trips: number
  readonly spans: ServerSpan[]
}

/** Records what takes how long on servers, in one run. */
export class Timeline {
  /** When the run began; all times are since then. */
  startedAt = new Date()
  private zero = performance.now()
  private works = new Map<string, Work>()

  /** The run begins. */
  begin(): void {
    this.startedAt = new Date()
    this.zero = performance.now()
    this.works = new Map()
  }

  /** Records what took from one `performance.now()` to another, unless that is next to nothing. */
  took(server: string, what: string, from: number, to: number, succeeded = true): void {
    const ms = Math.round(to - from)
    if (ms < 1) return
    const start = Math.max(0, Math.round(from - this.zero))
    this.of(server).spans.push({ what, start, ms, ...(succeeded ? {} : { failed: true }) })
  }

  /** Records a round trip. */
  asked(server: string): void {
    this.of(server).trips += 1
  }

  /** Records a script by its steps, or by its name if it has none. */
  stepsOf(server: string, script: string): ScriptSteps {
    const steps: { readonly what: string; readonly at: number }[] = []
    return {
      next: (what) => void steps.push({ what, at: performance.now() }),
      end: (from, succeeded) => {
        const [first = { what: script.replace(/\.sh$/, '') }, ...others] = steps
        const begun = [{ what: first.what, at: from }, ...others]
        for (const [index, { what, at }] of begun.entries()) {
          const next = begun[index + 1]
          this.took(server, what, at, next?.at ?? performance.now(), succeeded || next !== undefined)
        }
      },
    }
  }

  /** What each server did, in the order in which they began. */
  get servers(): ServerTimeline[] {
    return [...this.works].map(([server, { trips, spans }]) => ({
      server,
      trips,
      spans: spans.toSorted((a, b) => a.start - b.start),
    }))
  }

  private of(server: string): Work {
    const found = this.works.get(server) ?? { trips: 0, spans: [] }
    this.works.set(server, found)
    return found
  }
}
