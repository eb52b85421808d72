import { readFileSync } from 'node:fs'
import { SERVER_FOLDER } from './script.js'

let statuses: ReadonlyMap<string, number> | undefined

/**
 * A script's exit status by name: `exitStatus('E_REFUSED')` is 27. Scripts and this function share the table in
 * `server/lib/statuses.sh`.
 */
export function exitStatus(reason: string): number {
  statuses ??= new Map(
    [...readFileSync(new URL('lib/statuses.sh', SERVER_FOLDER), 'utf8').matchAll(/^(E_\w+)=(\d+)/gm)].map(
      ([, name = '', number]) => [name, Number(number)],
    ),
  )
  const found = statuses.get(reason)
  if (found === undefined) throw new RangeError(`no script exits with ${reason}`)
  return found
}
