import assert from 'node:assert/strict'
import type * as fc from 'fast-check'
import { setTimeout as pause } from 'node:timers/promises'
import { LockProcess, type Place, type Places } from './lock-process.js'

/** Milliseconds that the processes' clocks are off. */
export const CLOCKS = [0, 600_000, -600_000]

/** Seconds until others may take over; long enough for a busy machine to renew them. */
export const LEASES = { file: 2, s3: 4 } as const

/** What must be so, told without leases and clocks. */
export interface Model {
  /** Who has the lock; undefined if it is free. */
  holder: number | undefined
  /** The holder is dead, or was stopped for longer than its lease: it keeps the lock until somebody wants it. */
  left: boolean
  /** Processes that believe to have the lock, and how many had it before them. */
  readonly believers: Map<number, number>
  /** How many have had it, and the newest of them that has published. */
  takings: number
  published: number
  readonly stopped: Set<number>
}

/** Processes that share a lock, as machines of their own do, and what the lock guards. */
export class World {
  processes: LockProcess[] = []
  /** The highest number that was given so far. */
  given = 0
  /** What servers do: they remember the highest number that they have seen. */
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

  /** Writes to what the lock guards. False if that is refused. */
  publish(index: number): boolean {
    const number = this.numbers.get(index) ?? 0
    if (number < this.seen) return false
    this.seen = number
    return true
  }

  /** Leaves a lock that is free. */
  async settle(): Promise<void> {
    const acquire = () => this.process(0).do('acquire', { place: this.place, user: 'the end' })
    let taken = await acquire()
    for (; !('token' in taken); taken = await acquire()) await pause(50)
    this.given = taken.token.number
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
    // No lock is for ever: what was left is to be had when the lease has run out.
    const until = performance.now() + (LEASES[world.place] + 5) * 1000
    while ('refusedBy' in taken && model.left && performance.now() < until) {
      await pause(50)
      taken = await acquire()
    }
    assert.ok('token' in taken, JSON.stringify(taken))
    const { token, tookOverFrom } = taken
    assert.ok(token.number > world.given)
    assert.equal(tookOverFrom?.user, model.left ? `process ${model.holder}` : undefined)
    world.given = token.number
    world.numbers.set(index, token.number)
    model.holder = index
    model.left = false
    model.believers.set(index, (model.takings += 1))
  }
}

/** Renews, and publishes whatever came of it: the servers are what is relied on. */
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
    // What is left may count as free already.
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
    // Whoever was not overtaken has the lock still, when it has renewed it.
    if (model.holder !== this.index) return
    assert.equal(await world.process(this.index).do('confirm'), null)
    model.left = false
  }
}
