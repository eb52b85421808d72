import { DeployError } from '../errors.js'

/** Prints a result: lines for people, data for machines, or an HTML page if there is one. */
export type Print = (data: unknown, lines: () => readonly string[], page?: () => string) => void

type Write = (text: string) => void

/**
 * Prints tasks' results: as lines in Shipit's log, with `FORMAT=json` as JSON, or with `FORMAT=html` as an HTML page. With a
 * format, standard output contains nothing else: what Shipit, plugins and the shipitfile print goes to standard error.
 */
export function createPrint(log: Write): Print {
  const format = process.env['FORMAT']
  if (format === 'json') {
    const write = reserveStandardOutput()
    return (data) => write(`${JSON.stringify(data, null, 2)}\n`)
  }
  if (format === 'html') {
    const write = reserveStandardOutput()
    return (_data, _lines, page) => {
      if (!page) {
        throw new DeployError(
          'E_FORMAT',
          'This task prints no HTML: leave out FORMAT=html, or set FORMAT=json.',
        )
      }
      write(page())
    }
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
