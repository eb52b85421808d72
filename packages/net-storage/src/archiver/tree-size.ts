import { walk } from './tree.js'

/** Bytes of all files below a folder. */
export async function treeSize(directory: string): Promise<number> {
  let size = 0
  for await (const entry of walk(directory)) size += entry.size
  return size
}
