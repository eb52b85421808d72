import { open, rename, writeFile } from 'node:fs/promises'

/** Lets whoever waits for a FIFO to be written go on, and whoever comes there later. Nobody has to. */
export async function openGate(path: string): Promise<void> {
  // For reading, too: opened for writing alone, it waits for a reader.
  const gate = await open(path, 'r+')
  await writeFile(`${path}.open`, 'go on')
  await rename(`${path}.open`, path)
  await gate.writeFile('go on')
  await gate.close()
}
