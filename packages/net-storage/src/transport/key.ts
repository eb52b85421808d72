import { TransportError } from './transport-error.js'

/**
 * Proves that a key stays where it belongs: parts of `[A-Za-z0-9._-]`, none of them empty or beginning with a dot.
 * @throws {TransportError} `E_KEY`
 */
export function assertKey(key: string): void {
  if (/^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/.test(key)) return
  throw new TransportError(
    `${JSON.stringify(key)} can't be a key in storage: letters, digits, '-', '_', '.' and '/' can.`,
    { code: 'E_KEY' },
  )
}
