import { Worker } from 'node:worker_threads'

/** Touches files by a clock of its own: the event loop of the process may be busy for minutes. */
const TOUCH = `
const { closeSync, openSync, writeSync } = require('node:fs')
const kept = new Map()
require('node:worker_threads').parentPort.on('message', ({ path, every }) => {
  if (!every) return kept.get(path)?.()
  let file
  try { file = openSync(path, 'r+') } catch { return }
  const timer = setInterval(() => { try { writeSync(file, '{', 0) } catch {} }, every)
  kept.set(path, () => {
    kept.delete(path)
    clearInterval(timer)
    closeSync(file)
  })
})`

let worker: Worker | undefined

/**
 * Keeps a record young while this process lives, in a thread of its own, until the returned function is called.
 * @param every milliseconds
 */
export function keepFresh(path: string, every: number): () => void {
  if (!worker) {
    worker = new Worker(TOUCH, { eval: true, execArgv: [], env: {} })
    // Without it the main thread's own renewals are what is left.
    worker.on('error', () => {})
    worker.unref()
  }
  const thread = worker
  thread.postMessage({ path, every }, [])
  return () => thread.postMessage({ path, every: 0 }, [])
}
