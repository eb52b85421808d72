import assert from 'node:assert/strict'
import type * as fc from 'fast-check'
import { setTimeout as pause } from 'node:timers/promises'
import { LockProcess, type Place, type Places } from './lock-process.js'

/** Offsets of the processes' clocks, in milliseconds. */
export const CLOCKS = [0, 600_000, -600_000]

/** Seconds until others may take over; long enough for a busy machine to renew them. */
export const LEASES = { file: 2, s3: 4 } as const

/** The expected state, without leases and clocks. */
export interface Model {
  /** Which process holds the lock; undefined if it is free. */
  holder: number | undefined
  /** The holder is dead or was stopped past its lease: it keeps the lock until another process wants it. */
  left: boolean
  /** Processes that believe they hold the lock, each with the number of its taking. */
  readonly believers: Map<number, number>
  /** How often the lock was taken, and the newest taking that has published. */
  takings: number
  published: number
  readonly stopped: Set<number>
}

/** Processes that share a lock as if on separate machines, and what the lock guards. */
export class World {
  processes: LockProcess[] = []
  /** The highest number issued so far. */
  issued = 0
  /** The highest number that the servers have seen. */
  seen = 0
  readonly numbers = new Map<number, number>()

  constructor(
    readonly place: Place,
    private readonly places: Places,
  ) {}

  process(index: number): LockProcess {
    const found = this.processes[index]
    if (!found) throw new Error(`there is no process ${index}`)
    return found
  }

  async start(index: number): Promise<void> {
    this.processes[index] = await LockProcess.start(this.places, { clockOffset: CLOCKS[index] ?? 0 })
  }

  /** Writes to what the lock guards. Returns false if that is refused. */
  publish(index: number): boolean {
    const number = this.numbers.get(index) ?? 0
    if (number < this.seen) return false
    this.seen = number
    return true
  }

  /** Leaves the lock free. */
  async settle(): Promise<void> {
    const acquire = () => this.process(0).do('acquire', { place: this.place, user: 'the end' })
    let taken = await acquire()
    for (; !('token' in taken); taken = await acquire()) await pause(50)
    this.issued = taken.token.number
    await this.process(0).do('release')
  }

  async end(): Promise<void> {
    await Promise.all(this.processes.map((each) => each.kill()))
  }
}

export abstract class Step implements fc.AsyncCommand<Model, World> {
  constructor(protected readonly index: number) {}

  check({ stopped }: Model): boolean {
    return !stopped.has(this.index)
  }

  abstract run(model: Model, world: World): Promise<void>

  toString(): string {
    return `${this.constructor.name}(${this.index})`
  }
}

export class Acquire extends Step {
  override check(model: Model): boolean {
    return super.check(model) && !model.believers.has(this.index)
  }

  async run(model: Model, world: World): Promise<void> {
    const { index } = this
    const acquire = () => world.process(index).do('acquire', { place: world.place, user: `process ${index}` })
    let taken = await acquire()
    if (model.holder !== undefined && !model.left) {
      assert.equal('refusedBy' in taken && taken.refusedBy.user, `process ${model.holder}`)
      return
    }
    // No lock is held forever: one that was left can be taken after its lease.
    const until = performance.now() + (LEASES[world.place] + 5) * 1000
    while ('refusedBy' in taken && model.left && performance.now() < until) {
      await pause(50)
      taken = await acquire()
    }
    assert.ok('token' in taken, JSON.stringify(taken))
    const { token, tookOverFrom } = taken
    assert.ok(token.number > world.issued)
    assert.equal(tookOverFrom?.user, model.left ? `process ${model.holder}` : undefined)
    world.issued = token.number
    world.numbers.set(index, token.number)
    model.holder = index
    model.left = false
    model.believers.set(index, (model.takings += 1))
  }
}

/** Renews, and publishes whatever the outcome: the servers have to refuse it. */
export class RenewAndPublish extends Step {
  override check(model: Model): boolean {
    return super.check(model) && model.believers.has(this.index)
  }

  async run(model: Model, world: World): Promise<void> {
    const { index } = this
    const holds = model.holder === index
    const taking = model.believers.get(index) ?? 0
    const lost = await world.process(index).do('confirm')
    assert.equal(lost === null, holds)
    assert.equal(world.publish(index), taking >= model.published)
    model.published = Math.max(model.published, taking)
    if (holds) model.left = false
    else model.believers.delete(index)
  }
}

export class Release extends Step {
  override check(model: Model): boolean {
    return super.check(model) && model.believers.has(this.index)
  }

  async run(model: Model, world: World): Promise<void> {
    assert.equal(await world.process(this.index).do('release'), null)
    model.believers.delete(this.index)
    if (model.holder !== this.index) return
    model.holder = undefined
    model.left = false
  }
}

export class Break extends Step {
  async run(model: Model, world: World): Promise<void> {
    const broken = await world.process(this.index).do('break', world.place)
    // A lock that was left may already count as free.
    const whose = model.left && !broken ? undefined : model.holder
    assert.equal(broken?.user, whose === undefined ? undefined : `process ${whose}`)
    if (!broken) return
    model.holder = undefined
    model.left = false
  }
}

export class Crash extends Step {
  async run(model: Model, world: World): Promise<void> {
    await world.process(this.index).kill()
    await world.start(this.index)
    model.believers.delete(this.index)
    if (model.holder === this.index) model.left = true
  }
}

export class StopPastTheLease extends Step {
  override check(model: Model): boolean {
    return super.check(model) && model.stopped.size < CLOCKS.length - 1 && model.believers.has(this.index)
  }

  async run(model: Model, world: World): Promise<void> {
    world.process(this.index).signal('SIGSTOP')
    model.stopped.add(this.index)
    if (model.holder === this.index) model.left = true
  }
}

export class Continue extends Step {
  override check(model: Model): boolean {
    return model.stopped.has(this.index)
  }

  async run(model: Model, world: World): Promise<void> {
    world.process(this.index).signal('SIGCONT')
    model.stopped.delete(this.index)
    // If nobody took over, it still holds the lock once it has renewed it.
    if (model.holder !== this.index) return
    assert.equal(await world.process(this.index).do('confirm'), null)
    model.left = false
  }
}
