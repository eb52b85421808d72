/**
 * Splits one output of a session into what scripts print and the answers in between: lines that begin with a mark, anywhere
 * in the output. Nothing is held back but what may be the beginning of the mark.
 */
export class MarkedOutput {
  private held: Buffer = Buffer.alloc(0)
  private readonly mark: Buffer

  /**
   * @param mark a text that scripts don't know
   * @param take gets what scripts print
   * @param answered gets what follows the mark on its line
   */
  constructor(
    mark: string,
    private readonly take: (chunk: Buffer) => void,
    private readonly answered: (answer: string) => void,
  ) {
    this.mark = Buffer.from(`${mark} `)
  }

  write(chunk: Buffer): void {
    let rest = this.held.length > 0 ? Buffer.concat([this.held, chunk]) : chunk
    for (;;) {
      const at = rest.indexOf(this.mark)
      const end = at < 0 ? -1 : rest.indexOf('\n', at)
      if (end < 0) {
        const kept = at < 0 ? rest.length - this.beginningAtEnd(rest) : at
        this.pass(rest.subarray(0, kept))
        this.held = rest.subarray(kept)
        return
      }
      this.pass(rest.subarray(0, at))
      this.answered(rest.toString('latin1', at + this.mark.length, end))
      rest = rest.subarray(end + 1)
    }
  }

  /** Passes on what was held back: the output has ended. */
  end(): void {
    this.pass(this.held)
    this.held = Buffer.alloc(0)
  }

  private pass(chunk: Buffer): void {
    if (chunk.length > 0) this.take(chunk)
  }

  /** Number of bytes at the end of a chunk that the mark begins with. */
  private beginningAtEnd(chunk: Buffer): number {
    let length = Math.min(chunk.length, this.mark.length - 1)
    while (length > 0 && !chunk.subarray(-length).equals(this.mark.subarray(0, length))) length -= 1
    return length
  }
}
