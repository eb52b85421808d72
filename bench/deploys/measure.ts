import { stat } from 'node:fs/promises'
import { createReadStream } from 'node:fs'
import { cpus } from 'node:os'
import { text } from 'node:stream/consumers'
import type { SshHost } from '../../testbed/ssh-host.js'
import { startShipit } from '../../testbed/shipit.js'
import type { ProcessGroup } from './process-group.js'
import { peakMemory, type Project } from './project.js'
import type { Uplink } from './uplink.js'

const SAMPLE_MILLISECONDS = 250

/** What a run of shipit cost. */
export interface Cost {
  readonly seconds: number
  /** Processor time of the deploy machine. */
  readonly cpuSeconds: number
  /** Processor time of everything on this machine: deploy machine, servers, storage, and other users. */
  readonly machineSeconds: number
  /** Peak memory of the node process. */
  readonly nodeBytes: number
  /** Peak of all processes of the deploy machine together, from samples. */
  readonly processesBytes: number
  /** ssh sessions for each server, on average. */
  readonly sessions: number
  /** ssh connections for each server, on average. */
  readonly connections: number
  /** The most round trips to a server; null if the run didn't record them. */
  readonly trips: number | null
  /** Bytes that left the deploy machine; null without an uplink. */
  readonly bytes: number | null
}

export interface MeasureOptions {
  readonly project: Project
  readonly task: string | readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly group: ProcessGroup
  readonly hosts: readonly SshHost[]
  readonly uplink: Uplink | undefined
  readonly signal: AbortSignal
}

/** @throws with the run's output if it fails */
export async function measure(options: MeasureOptions): Promise<Cost> {
  const { project, task, env, group, hosts, uplink, signal } = options
  signal.throwIfAborted()
  const logs = await Promise.all(hosts.map(async ({ log }) => (await stat(log)).size))
  const bytes = uplink?.bytes() ?? 0
  const [cpu, machine, since, from] = [group.cpuSeconds(), busySeconds(), Date.now(), performance.now()]
  const run = startShipit(task, {
    cwd: project.directory,
    env,
    through: [...group.through, ...(uplink?.through ?? [])],
  })
  const kill = (): void => run.kill('SIGTERM')
  signal.addEventListener('abort', kill)
  let processesBytes = 0
  const sampling = setInterval(() => {
    processesBytes = Math.max(processesBytes, group.memoryBytes())
  }, SAMPLE_MILLISECONDS)
  const status = await run.ended
  const seconds = (performance.now() - from) / 1000
  clearInterval(sampling)
  signal.removeEventListener('abort', kill)
  signal.throwIfAborted()
  if (status !== 0)
    throw new Error(
      `shipit ${[task].flat().join(' ')} (${project.side}) ended with ${status}:\n${run.output}`,
    )

  const [cpuSeconds, machineSeconds] = [group.cpuSeconds() - cpu, busySeconds() - machine]
  const added = (
    await Promise.all(hosts.map(({ log }, index) => text(createReadStream(log, { start: logs[index] }))))
  ).join('')
  const count = (pattern: RegExp): number => (added.match(pattern)?.length ?? 0) / Math.max(1, hosts.length)
  return {
    seconds,
    cpuSeconds,
    machineSeconds,
    nodeBytes: peakMemory(run.output),
    processesBytes,
    sessions: count(/Starting session/g),
    connections: count(/Accepted publickey/g),
    trips: await project.trips(since),
    bytes: uplink ? uplink.bytes() - bytes : null,
  }
}

/** Processor time of this machine since it started. */
function busySeconds(): number {
  return cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0) / 1000
}
