import { SingleBar } from 'cli-progress'

/** Milliseconds after which work counts as long: what is done sooner shows nothing. */
const PATIENCE = 2000

/** Milliseconds between two lines where there is no terminal. */
const LINE_EVERY = 10_000

/** Options of {@link Progress}. */
export interface ProgressOptions {
  /** What is done: `Packing and uploading`. */
  readonly title: string
  /** How much there is to do. */
  readonly total: number
  /** A number of it for people: `12.3 MB`. */
  readonly format: (done: number) => string
}

/** Shows how far long work has come: a bar on a terminal, plain lines elsewhere. */
export class Progress {
  private done = 0
  private bar: SingleBar | undefined
  private readonly timer: NodeJS.Timeout

  constructor(private readonly options: ProgressOptions) {
    this.timer = setTimeout(() => this.show(), PATIENCE)
  }

  /** Counts what was done. */
  add(amount: number): void {
    this.done = Math.min(this.done + amount, this.options.total)
    this.bar?.update(this.done)
  }

  /** Ends it, whether all was done or not. */
  stop(): void {
    clearTimeout(this.timer)
    this.bar?.stop()
  }

  private show(): void {
    const { title, total, format } = this.options
    this.bar = new SingleBar({
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
