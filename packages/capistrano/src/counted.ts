/** A count with its noun: `1 server`, `2 servers`. @param many the plural @default `one` with an s */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}
