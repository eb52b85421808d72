const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

const ends = new Set<() => void>()

/**
 * Calls `end` when this process exits or a signal ends it. If something else listens for the signal, leaves it to that: it
 * exits, or stops things in its own order.
 * @returns a function that unregisters `end`
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
