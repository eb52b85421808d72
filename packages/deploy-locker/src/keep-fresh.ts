import { Worker } from 'node:worker_threads'

const TOUCH = `
const { openSync, writeSync } = require('node:fs')
const { path, every } = require('node:worker_threads').workerData
const file = openSync(path, 'r+')
setInterval(() => writeSync(file, '{', 0), every)`

/**
 * Touches a record in a thread of its own, as the event loop of this process may be blocked for minutes, until the returned
 * function is called.
 * @param every milliseconds
 */
export function keepFresh(path: string, every: number): () => void {
  const worker = new Worker(TOUCH, { eval: true, workerData: { path, every }, execArgv: [], env: {} })
  // Without it, the renewals of the main thread are what is left.
  worker.on('error', () => {})
  worker.unref()
  return () => void worker.terminate()
}
