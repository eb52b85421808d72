/** Terminates a process and its descendants. */
export async function endTree(child: { readonly pid?: number; readonly kill: () => boolean }): Promise<void> {
  if (child.pid === undefined) return
  const { pidtree } = await import('pidtree')
  // Without pidtree's answer, at least programs that manage their own children end them.
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
