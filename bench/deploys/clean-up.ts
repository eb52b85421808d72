/** What has to be undone at the end, the latest first. */
export class CleanUp {
  private readonly steps: (() => unknown)[] = []

  add(step: () => unknown): void {
    this.steps.push(step)
  }

  /** Runs each step, also after one failed. */
  async run(): Promise<void> {
    for (let step = this.steps.pop(); step; step = this.steps.pop()) {
      try {
        await step()
      } catch (error) {
        console.error(`Cannot clean up: ${error instanceof Error ? error.message : String(error)}`)
        process.exitCode = 1
      }
    }
  }
}
