import { uptime } from 'node:os'

/** Milliseconds since its creation, by monotonic clocks. Includes time for which the machine or process was suspended. */
export class Stopwatch {
  private readonly monotonic = performance.now()
  private readonly boot = uptime()

  get elapsed(): number {
    // On Linux, the first does not count suspended time; in some versions of Node, the second counts whole seconds.
    return Math.max(performance.now() - this.monotonic, (uptime() - this.boot) * 1000)
  }
}
