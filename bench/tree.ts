import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface TreeSize {
  readonly files: number
  readonly megabytes: number
}

/** Creates a tree that is hard to compress: half of each file is made of random words, half is random. */
export async function makeTree(root: string, { files, megabytes }: TreeSize): Promise<void> {
  const size = Math.floor((megabytes * 1e6) / files)
  const words = Array.from({ length: 2000 }, () => randomBytes(4).toString('hex'))
  for (let index = 0; index < files; index += 1) {
    const folder = join(root, `folder${index % 200}`)
    if (index < 200) await mkdir(folder, { recursive: true })
    const text = Array.from(
      { length: Math.ceil(size / 18) },
      (_, at) => words[(index * 7 + at * at) % 2000],
    ).join(' ')
    const half = Math.floor(size / 2)
    const content = Buffer.concat([Buffer.from(text.slice(0, half)), randomBytes(half)])
    await writeFile(join(folder, `file${index}`), content)
  }
}
