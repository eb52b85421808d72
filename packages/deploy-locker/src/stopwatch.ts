import { uptime } from 'node:os'

/** Milliseconds since it was made, by clocks that nobody sets. Counts the time that the machine or process slept, too. */
export class Stopwatch {
  private readonly monotonic = performance.now()
  private readonly boot = uptime()

  get elapsed(): number {
    // Linux does not count a machine's sleep in the one, and counts in whole seconds in some versions of the other.
    return Math.max(performance.now() - this.monotonic, (uptime() - this.boot) * 1000)
  }
}
