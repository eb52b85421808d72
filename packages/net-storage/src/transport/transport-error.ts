import { DeployError } from 'shipit-capistrano'

/** Storage refused, or can't be reached. `code` is `E_STORAGE` unless a transport sets a more specific one. */
export class TransportError extends DeployError {
  constructor(message: string, options?: ErrorOptions & { readonly code?: string }) {
    super(options?.code ?? 'E_STORAGE', message, options)
  }
}
