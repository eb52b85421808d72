import { TransportError } from './transport-error.js'

/**
 * Checks that a key can't leave its storage: parts of `[A-Za-z0-9._-]`, none of them empty or beginning with a dot.
 * @throws {TransportError} `E_KEY`
 */
export function assertKey(key: string): void {
  if (/^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/.test(key)) return
  throw new TransportError(
    `${JSON.stringify(key)} is not a valid storage key: use letters, digits, '-', '_', '.' and '/', and begin no part with a dot.`,
    { code: 'E_KEY' },
  )
}
