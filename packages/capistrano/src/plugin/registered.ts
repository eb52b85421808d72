import { DeployError } from '../errors.js'

/** Something of which there is one: the plugin that registers it a second time is told so. */
export class Single<T> {
  private registered: T | undefined

  constructor(private readonly method: string) {}

  get value(): T | undefined {
    return this.registered
  }

  /** @throws {DeployError} `E_PLUGIN` if there is one */
  readonly register = (value: T): void => {
    if (this.registered !== undefined) throw alreadyRegistered(`${this.method}()`)
    this.registered = value
  }
}

/** Some of them, by a name that only one plugin may take. */
export class Named<T> {
  private readonly registered = new Map<string, T>()

  constructor(private readonly method: string) {}

  get all(): ReadonlyMap<string, T> {
    return this.registered
  }

  /** @throws {DeployError} `E_PLUGIN` if the name is taken */
  readonly register = (name: string, value: T): void => {
    if (this.registered.has(name)) throw alreadyRegistered(`${this.method}('${name}')`)
    this.registered.set(name, value)
  }
}

function alreadyRegistered(what: string): DeployError {
  return new DeployError(
    'E_PLUGIN',
    `plugin.${what} was called by another plugin already: use only one of them.`,
  )
}
