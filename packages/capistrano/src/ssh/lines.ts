import { StringDecoder } from 'node:string_decoder'

/** Splits output into lines, which end with LF, CR LF, or CR. */
export class Lines {
  private readonly decoder = new StringDecoder('utf8')
  private unfinished = ''

  constructor(private readonly take: (line: string) => void) {}

  write(chunk: Buffer): void {
    this.split(this.decoder.write(chunk), false)
  }

  /** Passes on a last line without an end. */
  end(): void {
    this.split(this.decoder.end(), true)
    if (this.unfinished !== '') this.take(this.unfinished)
    this.unfinished = ''
  }

  private split(text: string, isLast: boolean): void {
    // A CR at the end may be half of a CR LF.
    const lines = (this.unfinished + text).split(isLast ? /\r\n|\n|\r/ : /\r\n|\n|\r(?!$)/)
    this.unfinished = lines.pop() ?? ''
    for (const line of lines) this.take(line)
  }
}
