import { whyFailed, withoutCredentials, type ProgramOutcome } from 'shipit-capistrano'

/** git, or a program run with it, failed. The message is the program's, without credentials. */
export class GitFailure extends Error {
  /** Exit status; undefined if it did not exit by itself. */
  readonly status: number | undefined

  constructor(outcome: ProgramOutcome<string | Uint8Array>) {
    super(withoutCredentials(whyFailed(outcome)))
    this.status = outcome.exitCode
  }
}
