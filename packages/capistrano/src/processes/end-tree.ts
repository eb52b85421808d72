/** Ends a process with all that it has started. */
export async function endTree(child: { readonly pid?: number; readonly kill: () => boolean }): Promise<void> {
  if (child.pid === undefined) return
  const { pidtree } = await import('pidtree')
  // Where it can't be told, at least those that look after their own children end them.
  const descendants = await pidtree(child.pid).catch(() => [])
  for (const pid of descendants) {
    try {
      process.kill(pid, 'SIGTERM')
    } catch {
      // It has ended.
    }
  }
  child.kill()
}
