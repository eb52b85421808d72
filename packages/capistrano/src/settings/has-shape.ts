/** What properties have to be. */
export type Shape<T> = { readonly [K in keyof T]?: 'function' | 'string' | 'array' }

/**
 * Whether a value has certain methods and properties, its own or its class's. What a setting takes is known by these, not by
 * its class: a second copy of a package may have made it.
 */
export function hasShape<T extends object>(value: unknown, shape: Shape<T>): value is T {
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(shape).every(([name, type]) => {
    const property = (value as Record<string, unknown>)[name]
    return type === 'array' ? Array.isArray(property) : typeof property === type
  })
}
