import { whyFailed, withoutCredentials, type ProgramOutcome } from 'shipit-capistrano'

/** git failed, or what was run with it. Its message is what that says, without credentials. */
export class GitFailure extends Error {
  /** Undefined if it did not end by itself. */
  readonly status: number | undefined

  constructor(outcome: ProgramOutcome<string | Uint8Array>) {
    super(withoutCredentials(whyFailed(outcome)))
    this.status = outcome.exitCode
  }
}
