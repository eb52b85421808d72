import type { Shipit, TaskFunction } from '../shipit.js'

/** How shipit-deploy itself defines its `deploy`. */
const DEPLOY = [
  'deploy:init',
  'deploy:fetch',
  'deploy:update',
  'deploy:publish',
  'deploy:clean',
  'deploy:finish',
]

interface Definition {
  readonly dependencies: readonly string[]
  readonly fn: TaskFunction | undefined
}

/**
 * Tasks that take the place of shipit-deploy's. Defined at once; and again when Shipit initialises, if the shipitfile
 * loaded shipit-deploy later. The user's own definitions stay.
 */
export class Replacements {
  private readonly definitions = new Map<string, Definition>()

  constructor(private readonly shipit: Shipit) {}

  define(name: string, dependencies: readonly string[], fn?: TaskFunction): void {
    this.definitions.set(name, { dependencies, fn })
    this.register(name, { dependencies, fn })
  }

  apply(): void {
    if (this.shipit.tasks['deploy']?.dep.join() !== DEPLOY.join()) return
    for (const [name, definition] of this.definitions) this.register(name, definition)
  }

  private register(name: string, { dependencies, fn }: Definition): void {
    this.shipit.blTask(name, [...dependencies], fn)
  }
}
