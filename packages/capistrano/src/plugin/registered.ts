import { DeployError } from '../errors.js'

/** A registration that only one plugin may make. */
export class Single<T> {
  private registered: T | undefined

  constructor(private readonly method: string) {}

  get value(): T | undefined {
    return this.registered
  }

  /** @throws {DeployError} `E_PLUGIN` if one is registered */
  readonly register = (value: T): void => {
    if (this.registered !== undefined) throw alreadyRegistered(`${this.method}()`)
    this.registered = value
  }
}

/** Registrations by name; only one plugin may take a name. */
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

/** `E_PLUGIN`: two plugins want the same. @param what the call: `replace('deploy:update')` */
export function alreadyRegistered(what: string): DeployError {
  return new DeployError(
    'E_PLUGIN',
    `Another plugin has already called plugin.${what}: use only one of them.`,
  )
}
