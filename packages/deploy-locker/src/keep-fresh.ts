import { Worker } from 'node:worker_threads'

const TOUCH = `
const { closeSync, openSync, writeSync } = require('node:fs')
const { path, every } = require('node:worker_threads').workerData
setInterval(() => {
  const file = openSync(path, 'r+')
  writeSync(file, '{', 0)
  closeSync(file)
}, every)`

/**
 * Touches a record from a separate thread until the returned function is called: the event loop of this process may be blocked
 * for minutes.
 * @param every milliseconds
 */
export function keepFresh(path: string, every: number): () => void {
  const worker = new Worker(TOUCH, { eval: true, workerData: { path, every }, execArgv: [], env: {} })
  // The main thread still renews the lock.
  worker.on('error', () => {})
  worker.unref()
  return () => void worker.terminate()
}
