/** Required types of properties. */
export type Shape<T> = { readonly [K in keyof T]?: 'function' | 'string' | 'array' }

/**
 * Whether a value has certain methods and properties, own or inherited. Settings are recognised by shape, not by class, as
 * they may come from a second copy of a package.
 */
export function hasShape<T extends object>(value: unknown, shape: Shape<T>): value is T {
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(shape).every(([name, type]) => {
    const property = (value as Record<string, unknown>)[name]
    return type === 'array' ? Array.isArray(property) : typeof property === type
  })
}
