import { TAIL_LINES } from '../shipit/command-error.js'

/** The last lines of a command's or script's output, for its error. */
export class Tail {
  private readonly lines: { readonly from: 'stdout' | 'stderr'; readonly line: string }[] = []

  /** Records the lines of one output, and passes them on. */
  remember(from: 'stdout' | 'stderr', take: (line: string) => void = () => {}): (line: string) => void {
    return (line) => {
      this.lines.push({ from, line })
      if (this.lines.filter((each) => each.from === from).length > TAIL_LINES)
        this.lines.splice(
          this.lines.findIndex((each) => each.from === from),
          1,
        )
      take(line)
    }
  }

  /** The last lines; for a script only its error output, if any, as that says what is wrong. */
  text(isScript: boolean): string {
    const errors = this.lines.filter(({ from }) => from === 'stderr')
    const shown = isScript && errors.length > 0 ? errors : this.lines.slice(-TAIL_LINES)
    return shown.map(({ line }) => line).join('\n')
  }
}
