import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface TreeSize {
  readonly files: number
  readonly megabytes: number
  /** Share of each file that can't be compressed. @default 0.5 */
  readonly random?: number
}

/** Creates a tree similar to an application's dependencies: one part of each file is like source code, the other is random. */
export async function makeTree(root: string, { files, megabytes, random = 0.5 }: TreeSize): Promise<void> {
  const size = Math.floor((megabytes * 1e6) / files)
  const words = Array.from({ length: 2000 }, () => randomBytes(4).toString('hex'))
  for (let index = 0; index < files; index += 1) {
    const folder = join(root, `folder${index % 200}`)
    if (index < 200) await mkdir(folder, { recursive: true })
    const text = Array.from(
      { length: Math.ceil(size / 9) },
      (_, at) => words[(index * 7 + at * at) % 2000],
    ).join(' ')
    const incompressible = Math.floor(size * random)
    const content = Buffer.concat([
      Buffer.from(text.slice(0, size - incompressible)),
      randomBytes(incompressible),
    ])
    await writeFile(join(folder, `file${index}`), content)
  }
}
