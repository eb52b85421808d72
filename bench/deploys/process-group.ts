import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/**
 * A control group: the processes of the deploy machine. Counts the processor time of all of them, also of those that nobody
 * waited for, such as the ssh processes that Shipit leaves behind.
 */
export class ProcessGroup {
  private constructor(private readonly directory: string) {}

  /** Needs root. */
  static create(name: string): ProcessGroup {
    const mount = / (\S+) cgroup2 /.exec(readFileSync('/proc/mounts', 'utf8'))?.[1]
    if (!mount)
      throw new Error('The benchmark needs control groups, version 2. Mount them on /sys/fs/cgroup.')
    const own = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/'
    const directory = join(mount, own, name)
    mkdirSync(directory)
    return new ProcessGroup(directory)
  }

  /** Command that runs a program in this group. */
  get through(): readonly string[] {
    return ['sh', '-c', `echo $$ >'${this.directory}/cgroup.procs' && exec "$@"`, 'sh']
  }

  /** User and system time of all its processes so far. */
  cpuSeconds(): number {
    const microseconds = /^usage_usec (\d+)$/m.exec(this.read('cpu.stat'))?.[1]
    return Number(microseconds) / 1e6
  }

  /** Memory of its processes now; of what several processes share, each has its part. */
  memoryBytes(): number {
    return this.pids().reduce((sum, pid) => sum + proportionalBytes(pid), 0)
  }

  /** Kills what still runs in it. */
  async remove(): Promise<void> {
    writeFileSync(join(this.directory, 'cgroup.kill'), '1')
    while (this.read('cgroup.events').includes('populated 1')) await pause(10)
    rmdirSync(this.directory)
  }

  private pids(): string[] {
    return this.read('cgroup.procs').split('\n').filter(Boolean)
  }

  private read(file: string): string {
    return readFileSync(join(this.directory, file), 'utf8')
  }
}

function proportionalBytes(pid: string): number {
  try {
    return (
      Number(/^Pss: +(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) * 1024
    )
  } catch {
    return 0 // It has ended.
  }
}
