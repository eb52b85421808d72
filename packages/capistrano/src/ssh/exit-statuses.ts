import { readFileSync } from 'node:fs'
import { SERVER_FOLDER } from './script.js'

let statuses: ReadonlyMap<string, number> | undefined

/**
 * The exit status that scripts end with for a reason: `exitStatus('E_REFUSED')` is 27. `server/lib/statuses.sh` is the table
 * that scripts and this read.
 */
export function exitStatus(reason: string): number {
  statuses ??= new Map(
    [...readFileSync(new URL('lib/statuses.sh', SERVER_FOLDER), 'utf8').matchAll(/^(E_\w+)=(\d+)/gm)].map(
      ([, name = '', number]) => [name, Number(number)],
    ),
  )
  const found = statuses.get(reason)
  if (found === undefined) throw new RangeError(`no script ends with ${reason}`)
  return found
}
