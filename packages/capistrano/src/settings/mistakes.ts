import { inspect } from 'node:util'
import type { z } from 'zod'
import { DeployError } from '../errors.js'
import { nearest } from './nearest.js'

/** `E_CONFIG`: all mistakes in settings and hooks. */
export class ConfigError extends DeployError {
  constructor(
    environment: string,
    readonly mistakes: readonly string[],
  ) {
    super(
      'E_CONFIG',
      `Invalid settings for '${environment}'; nothing was started:\n  ${mistakes.join('\n  ')}`,
    )
  }
}

/** A schema's issues as messages: the setting's path, what is allowed, and the value. */
export function describeIssues(
  error: z.ZodError,
  settings: unknown,
  path: readonly PropertyKey[],
  known: readonly string[],
): string[] {
  return error.issues.flatMap((issue) => {
    const name = [...path, ...issue.path].join('.')
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => {
        const suggestion = nearest(key, known)
        return suggestion
          ? misspeltSetting(`${name}.${key}`, suggestion)
          : `${name}.${key}: unknown setting; known settings: ${known.join(', ')}`
      })
    }
    // Set by schemas of long or secret values.
    if (issue.code === 'custom' && issue.params?.['hideValue'] === true) return `${name}: ${issue.message}`
    const value = issue.path.reduce<unknown>(
      (object, key) => (object as Record<PropertyKey, unknown> | undefined)?.[key],
      settings,
    )
    const allowed =
      issue.code === 'invalid_value'
        ? `must be ${issue.values.map((each) => inspect(each)).join(' or ')}`
        : issue.message
    return `${name}: ${allowed.replace(/^Invalid input: /, '').replace(/, received .*$/, '')}; got ${shown(value)}`
  })
}

/**
 * Messages about mistakes in a constructor's options, for its `mistakes`. Without values, as some are secret.
 */
export function optionMistakes(schema: z.ZodObject, options: unknown): string[] {
  const { error } = schema.safeParse(options)
  const known = Object.keys(schema.shape).join(', ')
  return (error?.issues ?? []).flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => `unknown option '${key}'; known options: ${known}`)
      : [`${issue.path.join('.')}: ${issue.message}`],
  )
}

/** The message about a setting whose name is probably misspelt. */
export function misspeltSetting(path: string, meant: string): string {
  return `${path}: unknown setting; did you mean '${meant}'?`
}

function shown(value: unknown): string {
  return value === undefined ? 'nothing' : inspect(value, { depth: 0, breakLength: Infinity })
}
