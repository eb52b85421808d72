const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

const ends = new Set<() => void>()

/**
 * Has `end` called when this process exits, also when a signal ends it. A signal that someone else listens for is left
 * to them: they exit, or stop things in their own order.
 * @returns a function that takes this back
 */
export function endWithProcess(end: () => void): () => void {
  if (ends.size === 0) {
    process.on('exit', endAll)
    for (const signal of SIGNALS) process.on(signal, onSignal)
  }
  ends.add(end)
  return () => {
    if (!ends.delete(end) || ends.size > 0) return
    process.off('exit', endAll)
    for (const signal of SIGNALS) process.off(signal, onSignal)
  }
}

function endAll(): void {
  for (const end of ends) end()
}

function onSignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return
  endAll()
  process.off(signal, onSignal)
  process.kill(process.pid, signal)
}
