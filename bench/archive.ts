// Compares packing with tar and pigz or zstd, on the same tree: `npm run bench:archive -- --files 20000 --megabytes 400`
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { TarGzip, TarZstd, type Archiver } from 'shipit-net-storage'
import { makeTree } from './tree.js'

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '20000' },
    megabytes: { type: 'string', default: '400' },
    rounds: { type: 'string', default: '3' },
  },
})
const [files, megabytes, rounds] = [values.files, values.megabytes, values.rounds].map(Number) as [
  number,
  number,
  number,
]

const directory = await mkdtemp(join(tmpdir(), 'bench-'))
try {
  await makeTree(directory, { files, megabytes })
  console.log(`${files} files, ${megabytes} MB; best of ${rounds} rounds, alternating`)
  await compare('tar.gz', new TarGzip(), 'tar -I pigz -cf - . | cat >/dev/null')
  await compare('tar.zst', new TarZstd(), "tar -I 'zstd -3 -T0' -cf - . | cat >/dev/null")
  console.log(`peak memory: ${(process.resourceUsage().maxRSS / 1000).toFixed(0)} MB`)
} finally {
  await rm(directory, { recursive: true, force: true })
}

async function compare(name: string, archiver: Archiver, command: string): Promise<void> {
  let ours = Infinity
  let theirs = Infinity
  for (let round = 0; round < rounds; round += 1) {
    ours = Math.min(ours, await time(() => drain(archiver.pack(directory, { mtime: 1 }))))
    theirs = Math.min(theirs, await time(() => run(command)))
  }
  console.log(
    `  ${name.padEnd(8)} ${ours.toFixed(1)} s; ${command}: ${theirs.toFixed(1)} s; ratio ${(ours / theirs).toFixed(2)}`,
  )
}

async function time(work: () => Promise<void>): Promise<number> {
  const from = performance.now()
  await work()
  return (performance.now() - from) / 1000
}

async function drain(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of chunks) if (chunk.length < 0) throw new Error('never')
}

async function run(command: string): Promise<void> {
  const child = spawn('sh', ['-ec', command], { cwd: directory, stdio: ['ignore', 'inherit', 'inherit'] })
  const [status] = (await once(child, 'close')) as [number | null]
  if (status !== 0) throw new Error(`${command} exited with status ${status}`)
}
