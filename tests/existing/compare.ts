import type { Observation } from './observe.js'

/** One thing that a run with our plugin did differently from shipit-deploy alone. */
export interface Difference {
  /** `status`, `order`, `tree .git`, `variable workspace at event fetched`… */
  readonly what: string
  readonly plain: string
  readonly ours: string
}

/** All differences that a user could notice. */
export function compare(plain: Observation, ours: Observation): Difference[] {
  const found: Difference[] = []
  const note = (what: string, inPlain: unknown, inOurs: unknown): void => {
    const [a, b] = [inPlain, inOurs].map((value) =>
      typeof value === 'string' ? value : (JSON.stringify(value) ?? ''),
    )
    if (a !== b) found.push({ what, plain: a ?? '', ours: b ?? '' })
  }
  note('status', String(plain.status), String(ours.status))
  // Everything else follows from that.
  if (found.length > 0) return found

  // Our own tasks are additions; everything else must keep its order.
  const known = new Set(plain.moments.map(({ what }) => what))
  const same = ours.moments.filter(({ what }) => known.has(what))
  note('order', plain.moments.map(({ what }) => what).join(', '), same.map(({ what }) => what).join(', '))
  const added = ours.moments.filter(({ what }) => !known.has(what) && !OURS.test(what))
  for (const { what } of added) note(`added ${what}`, '', what)

  const seen = new Set<string>()
  for (const [index, moment] of plain.moments.entries()) {
    const counterpart = same.filter(({ what }) => what === moment.what)[
      plain.moments.slice(0, index).filter(({ what }) => what === moment.what).length
    ]
    if (!counterpart) continue
    // A value that exists for longer is not a difference.
    for (const [name, value] of Object.entries(moment.variables).filter(([, shown]) => shown !== 'null')) {
      const other = counterpart.variables[name] ?? 'undefined'
      // Report a difference that persists only once.
      const change = JSON.stringify([name, value, other])
      if (!seen.has(change)) note(`variable ${name} at ${moment.what}`, value, other)
      seen.add(change)
    }
  }

  for (const server of Object.keys(plain.trees)) {
    const [a, b] = [plain.trees[server] ?? {}, ours.trees[server] ?? {}]
    for (const path of new Set([...Object.keys(a), ...Object.keys(b)]))
      note(`tree ${path}`, a[path] ?? 'not there', b[path] ?? 'not there')
    note('releases', plain.releases[server], ours.releases[server])
  }
  note('calls', plain.calls, ours.calls)
  return found
}

/** What our plugins add. */
const OURS =
  /^task (deploy|net_storage|rollback):?\S* (started|ended|failed)$|^event (task_recursion|lock:\w+)$/
