import { open } from 'node:fs/promises'

/** Lets whoever waits for a FIFO to be written go on. Nobody has to wait there. */
export async function openGate(path: string): Promise<void> {
  // For reading, too: opened for writing alone, it waits for a reader.
  const gate = await open(path, 'r+')
  await gate.writeFile('go on')
  await gate.close()
}
