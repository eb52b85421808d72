declare module 'shipit-deploy' {
  import type { Shipit } from './shipit.js'
  const plugin: (shipit: Pick<Shipit, 'blTask'>) => void
  export default plugin
}

declare module 'orchestrator/lib/runTask.js' {
  interface Meta {
    readonly duration: number
    readonly hrDuration: [number, number]
    readonly runMethod: string
  }
  const runTask: (
    fn: (done: (error?: unknown) => void) => unknown,
    ended: (error: unknown, meta: Meta) => void,
  ) => void
  export default runTask
}
