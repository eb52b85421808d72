/** Prints a result: lines for people, or data for machines. */
export type Print = (data: unknown, lines: () => readonly string[]) => void

type Write = (text: string) => void

/**
 * Prints tasks' results: as lines in Shipit's log, or with `FORMAT=json` as JSON. Standard output then contains nothing else:
 * what Shipit, plugins and the shipitfile print goes to standard error.
 */
export function createPrint(log: Write): Print {
  if (process.env['FORMAT'] === 'json') {
    const write = reserveStandardOutput()
    return (data) => write(`${JSON.stringify(data, null, 2)}\n`)
  }
  return (_, lines) => {
    const shown = lines()
    if (shown.length > 0) log(`\n${shown.join('\n')}\n`)
  }
}

/** One per process. */
let reserved: Write | undefined

function reserveStandardOutput(): Write {
  if (reserved) return reserved
  const { stdout, stderr } = process
  const write = stdout.write.bind(stdout)
  stdout.write = (...printed: unknown[]): true => {
    stderr.write(...(printed as [string]))
    // Not stderr's result: a caller would wait for stdout to drain, which never happens.
    return true
  }
  return (reserved = (text) => void write(text))
}
