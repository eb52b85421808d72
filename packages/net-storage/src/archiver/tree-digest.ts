import { createHash } from 'node:crypto'
import { tar } from './tar.js'

/** SHA-256 of a folder as it would be packed: names, content, permission bits and links. */
export async function treeDigest(directory: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of tar(directory, { mtime: 0 })) hash.update(chunk)
  return hash.digest('hex')
}
