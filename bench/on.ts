// Measures the overhead of on() and the graph: `npm run bench:on -- --servers 1000 --limit 100 --delay 3`
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { parseArgs } from 'node:util'
import capistrano from 'shipit-capistrano'
import { createShipit } from '../testbed/shipit-instance.js'

const { values } = parseArgs({
  options: {
    servers: { type: 'string', default: '1000' },
    limit: { type: 'string', default: '100' },
    delay: { type: 'string', default: '3' },
  },
})
const [servers, limit, delay] = [values.servers, values.limit, values.delay].map(Number) as [
  number,
  number,
  number,
]

/** Replaces ssh: runs its command here, in a session of its own. */
const SSH = `#!/bin/sh
for command; do :; done
exec setsid sh -c "$command"
`

const directory = await mkdtemp(join(tmpdir(), 'bench-'))
await writeFile(join(directory, 'ssh'), SSH)
await chmod(join(directory, 'ssh'), 0o755)
process.env['PATH'] = directory + delimiter + process.env['PATH']

try {
  await measureServers()
  measureGraph()
} finally {
  await rm(directory, { recursive: true, force: true })
}

async function measureServers(): Promise<void> {
  const list = Array.from({ length: servers }, (_, index) => ({ host: `web${index + 1}`, user: 'deploy' }))
  const { shipit, run } = createShipit({ servers: list, maxConnections: limit })
  const { hosts, on } = capistrano(shipit)
  let seconds = 0
  shipit.blTask('measured', async () => {
    const from = performance.now()
    await on(hosts(), (host) => host.execute(`sleep ${delay}`))
    seconds = (performance.now() - from) / 1000
  })
  console.log(`on() over ${servers} servers, ${limit} at a time, ${delay} s each...`)
  const error = await run('measured')
  if (error) throw error as Error
  const ideal = Math.ceil(servers / limit) * delay
  const ratio = seconds / ideal
  const memory = process.resourceUsage().maxRSS / 1000
  console.log(`  ${seconds.toFixed(1)} s; without overhead ${ideal} s: ratio ${ratio.toFixed(3)}`)
  console.log(`  peak memory: ${memory.toFixed(0)} MB`)
}

function measureGraph(): void {
  const { shipit } = createShipit()
  const { task, before } = capistrano(shipit)
  const count = 2000
  for (let index = 0; index < count; index += 1) {
    task(`task${index}`, index > 0 ? [`task${index - 1}`] : [])
    task(`hook${index}`)
    before(`task${index}`, `hook${index}`)
  }
  const steps = shipit as unknown as {
    sequence(tasks: object, names: string[], results: string[], nest: string[]): void
  }
  const times = Array.from({ length: 20 }, () => {
    const from = performance.now()
    const results: string[] = []
    steps.sequence(shipit.tasks, [`task${count - 1}`], results, [])
    if (results.length !== 2 * count) throw new Error(`expected ${2 * count} tasks, got ${results.length}`)
    return performance.now() - from
  }).toSorted((a, b) => a - b)
  console.log(
    `${count} tasks with ${count} hooks, sequenced: ${times[0]?.toFixed(1)} to ${times.at(-1)?.toFixed(1)} ms`,
  )
}
