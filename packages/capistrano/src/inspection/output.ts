/** Tells something: lines for people, or data for machines. */
export type Print = (data: unknown, lines: () => readonly string[]) => void

type Write = (text: string) => void

/**
 * How tasks tell what they were asked for: lines in Shipit's log, or with `FORMAT=json` the data as JSON. Standard output
 * holds nothing else then: what Shipit, plugins and the shipitfile print there goes to standard error.
 */
export function createPrint(log: Write): Print {
  if (process.env['FORMAT'] === 'json') {
    const write = reserveStandardOutput()
    return (data) => write(`${JSON.stringify(data, null, 2)}\n`)
  }
  return (_, lines) => {
    const told = lines()
    if (told.length > 0) log(`\n${told.join('\n')}\n`)
  }
}

/** There is one a process. */
let reserved: Write | undefined

function reserveStandardOutput(): Write {
  if (reserved) return reserved
  const { stdout, stderr } = process
  const write = stdout.write.bind(stdout)
  stdout.write = (...printed: unknown[]): true => {
    stderr.write(...(printed as [string]))
    // Whoever writes to the one would wait for it to drain, and the other does.
    return true
  }
  return (reserved = (text) => void write(text))
}
