import { inspect } from 'node:util'
import type { z } from 'zod'
import { DeployError } from '../errors.js'
import { nearest } from './nearest.js'

/** Everything that is wrong with the settings and the hooks, in one error. `E_CONFIG`. */
export class ConfigError extends DeployError {
  constructor(
    environment: string,
    /** One sentence each. */
    readonly mistakes: readonly string[],
  ) {
    super(
      'E_CONFIG',
      `The settings of '${environment}' can't be used; nothing was started:\n  ${mistakes.join('\n  ')}`,
    )
  }
}

/** A schema's issues as sentences: the setting's path, what is allowed, and what it got. */
export function describeIssues(
  error: z.ZodError,
  given: unknown,
  path: readonly PropertyKey[],
  known: readonly string[],
): string[] {
  return error.issues.flatMap((issue) => {
    const name = [...path, ...issue.path].join('.')
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => {
        const suggestion = nearest(key, known)
        const hint = suggestion ? `did you mean '${suggestion}'?` : `known are ${known.join(', ')}`
        return `${name}.${key}: there is no such setting; ${hint}`
      })
    }
    // A schema may say so of what has no short form, or may be secret.
    if (issue.code === 'custom' && issue.params?.['hideValue'] === true) return `${name}: ${issue.message}`
    const value = issue.path.reduce<unknown>(
      (object, key) => (object as Record<PropertyKey, unknown> | undefined)?.[key],
      given,
    )
    const allowed =
      issue.code === 'invalid_value'
        ? `must be ${issue.values.map((each) => inspect(each)).join(' or ')}`
        : issue.message
    return `${name}: ${allowed.replace(/^Invalid input: /, '').replace(/, received .*$/, '')}; got ${shown(value)}`
  })
}

/**
 * What is wrong with a constructor's options, as sentences for `mistakes` of what it makes. Values are left out, as some are
 * secret.
 */
export function optionMistakes(schema: z.ZodObject, options: unknown): string[] {
  const { error } = schema.safeParse(options)
  const known = Object.keys(schema.shape).join(', ')
  return (error?.issues ?? []).flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => `there is no option '${key}'; known are ${known}`)
      : [`${issue.path.join('.')}: ${issue.message}`],
  )
}

function shown(value: unknown): string {
  return value === undefined ? 'nothing' : inspect(value, { depth: 0, breakLength: Infinity })
}
