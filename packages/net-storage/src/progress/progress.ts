import type { SingleBar } from 'cli-progress'

/** Milliseconds before anything is shown. */
const PATIENCE = 2000

/** Milliseconds between lines without a terminal. */
const LINE_EVERY = 10_000

/** Options of {@link Progress}. */
export interface ProgressOptions {
  /** For example `Packing and uploading`. */
  readonly title: string
  /** Total amount of work, in any unit. */
  readonly total: number
  /** Formats an amount: `12.3 MB`. */
  readonly format: (done: number) => string
}

/** Shows the progress of long work: a bar on a terminal, plain lines elsewhere. */
export class Progress {
  private done = 0
  private bar: SingleBar | undefined
  private readonly timer: NodeJS.Timeout
  private isStopped = false

  constructor(private readonly options: ProgressOptions) {
    this.timer = setTimeout(() => void this.show(), PATIENCE)
  }

  /** Adds to the amount of work done. */
  add(amount: number): void {
    this.done = Math.min(this.done + amount, this.options.total)
    this.bar?.update(this.done)
  }

  /** Stops showing it, whether all work was done or not. */
  stop(): void {
    this.isStopped = true
    clearTimeout(this.timer)
    this.bar?.stop()
  }

  private async show(): Promise<void> {
    const { title, total, format } = this.options
    const { SingleBar: Bar } = await import('cli-progress')
    if (this.isStopped) return
    this.bar = new Bar({
      format: (_, { value }) => `${title}: ${format(value)} of ${format(total)} (${percent(value, total)} %)`,
      noTTYOutput: true,
      notTTYSchedule: LINE_EVERY,
      hideCursor: true,
    })
    this.bar.start(total, this.done)
  }
}

function percent(value: number, total: number): number {
  return total === 0 ? 100 : Math.floor((value / total) * 100)
}
