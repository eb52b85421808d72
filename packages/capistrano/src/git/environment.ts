import type { GitAccess } from './access.js'

/** Options of {@link gitEnvironment}. */
export interface GitEnvironmentOptions {
  readonly access: GitAccess
  /** More git configuration; a name may occur more than once. @default [] */
  readonly config?: Iterable<readonly [name: string, value: string]>
  /** The base environment. @default this process's environment */
  readonly env?: NodeJS.ProcessEnv
}

/** An environment in which git never prompts, and which passes its settings where no process list shows them. */
export function gitEnvironment({
  access,
  config = [],
  env = process.env,
}: GitEnvironmentOptions): NodeJS.ProcessEnv {
  const first = Number(env['GIT_CONFIG_COUNT'] ?? 0)
  const all = [...config, ...access.config]
  return {
    ...env,
    ...access.env,
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_COUNT: String(first + all.length),
    ...Object.fromEntries(
      all.flatMap(([name, value], index) => [
        [`GIT_CONFIG_KEY_${first + index}`, name],
        [`GIT_CONFIG_VALUE_${first + index}`, value],
      ]),
    ),
  }
}
