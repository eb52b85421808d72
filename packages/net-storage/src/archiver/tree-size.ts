import { walk } from './tree.js'

/** Total bytes of the files below a folder. */
export function treeSize(directory: string): number {
  let size = 0
  for (const entry of walk(directory)) size += entry.size
  return size
}
