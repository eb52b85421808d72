export type * from './capistrano.js'
export type * from './shipit/shipit.js'
export { counted } from './counted.js'
export { DeployError, messageOf } from './errors.js'
export { DAY } from './durations.js'
export { ConfigError, optionMistakes } from './settings/mistakes.js'
export { hasShape, type Shape } from './settings/has-shape.js'
export { expected, numberFrom, ownMistakes, seconds, text, wholeNumber } from './settings/schemas.js'
export { SequenceError } from './graph/sequence.js'
export type { Place } from './graph/catalog.js'
export { finishRelease } from './flow/finish-release.js'
export { askReleases, majorityLive, releaseName, type Release, type ServerReleases } from './flow/releases.js'
export type { PluginApi, FencingToken, LockOffer, RestoreRelease, SettingsSection } from './plugin/api.js'
export type { Run, RunKind, Step } from './run/run.js'
export { currentUser, type DeployRecord } from './flow/deploy-log.js'
export type { Plan, PlannedServer, PlannedTask } from './inspection/plan.js'
export type { ServerStatus, Status } from './inspection/status.js'
export type { TreeNode } from './inspection/tree.js'
export type { ServerSpan, ServerTimeline, TimelineRecord, TimelineTask } from './timeline/record.js'
export { gitAccess, type GitAccess } from './git/access.js'
export { gitEnvironment, type GitEnvironmentOptions } from './git/environment.js'
export { withoutCredentials } from './git/without-credentials.js'
export { exitStatus } from './ssh/exit-statuses.js'
export { quote, Script, scriptsIn, type Input, type Variables } from './ssh/script.js'
export { isAlive } from './processes/is-alive.js'
export {
  pipeProgram,
  readProgram,
  runProgram,
  whyFailed,
  type ProgramCommand,
  type ProgramContext,
  type ProgramOptions,
  type ProgramOutcome,
  type ReadProgramOptions,
} from './processes/run-program.js'
export { traced } from './tracing/traced.js'
export type { Command } from './ssh/command.js'
export type { Facts, Host, ScriptOptions, UploadOptions } from './ssh/host.js'
export type { OnOptions } from './ssh/on-hosts.js'
export { CommandError } from './shipit/command-error.js'
export { allChecks, CheckError } from './run/problems.js'
export type { Ask, Asking } from './run/trips.js'
export { HostError, ServersError } from './ssh/servers-error.js'
