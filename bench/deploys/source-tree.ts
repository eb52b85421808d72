import { readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TreeSize } from '../tree.js'

const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url))

const SOURCES = /\.(?:[cm]?js|ts|json|map|md)$/

/** Larger files are mostly bundles. Bytes. */
const LARGEST = 300_000

/** Creates a tree of real source code, that of this repository's own dependencies, in files of the same size. */
export async function makeSourceTree(root: string, { files, megabytes }: TreeSize): Promise<void> {
  const size = Math.floor((megabytes * 1e6) / files)
  const sources = allSources()
  for (let index = 0; index < files; index += 1) {
    const folder = join(root, `folder${index % 200}`)
    if (index < 200) await mkdir(folder, { recursive: true })
    // Once all is used, it begins again elsewhere in the files.
    const at = (index * (size + 7)) % (sources.length - size)
    await writeFile(join(folder, `file${index}.js`), sources.subarray(at, at + size))
  }
}

function allSources(): Buffer {
  const names = readdirSync(MODULES, { recursive: true, encoding: 'utf8' })
  const paths = names.filter((name) => SOURCES.test(name)).map((name) => join(MODULES, name))
  return Buffer.concat(
    paths.flatMap((path) => {
      const found = statSync(path, { throwIfNoEntry: false })
      return found?.isFile() && found.size <= LARGEST ? [readFileSync(path)] : []
    }),
  )
}
