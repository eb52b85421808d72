import { open, rename, writeFile } from 'node:fs/promises'

/** Unblocks current and later readers of a FIFO, if there are any. */
export async function openGate(path: string): Promise<void> {
  // Not write-only, which would wait for a reader.
  const gate = await open(path, 'r+')
  await writeFile(`${path}.open`, 'go on')
  await rename(`${path}.open`, path)
  await gate.writeFile('go on')
  await gate.close()
}
