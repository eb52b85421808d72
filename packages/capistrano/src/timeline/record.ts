import { z } from 'zod'

/** A time span of a task or a server. */
interface Timed {
  /** Milliseconds since the run began. */
  readonly start: number
  /** Duration in milliseconds. */
  readonly ms: number
  readonly failed?: true
}

/** A task of a timeline. */
export interface TimelineTask extends Timed {
  readonly task: string
}

/** What a server did for a while. */
export interface ServerSpan extends Timed {
  /**
   * `'queue'` (it waited for its turn), `'connect'`, `'check'`, `'fetch'`, `'verify'`, `'unpack'`, `'link'`, `'flip'`,
   * `'clean'`, or a script's name.
   */
  readonly what: string
}

/** A server of a timeline. */
export interface ServerTimeline {
  readonly server: string
  /** How often the deploy machine waited for this server. */
  readonly trips: number
  /** In order of start. */
  readonly spans: readonly ServerSpan[]
}

/** A run's timeline, as {@link TimelineStore} keeps it and `FORMAT=json` prints it. */
export interface TimelineRecord {
  readonly version: 1
  readonly environment: string
  readonly kind: 'deploy' | 'rollback' | 'pull' | 'other'
  /** Who ran it. */
  readonly user: string
  /** ISO 8601, UTC. */
  readonly startedAt: string
  /** Duration. */
  readonly seconds: number
  readonly result: 'succeeded' | 'failed'
  /** Null if none is deployed. */
  readonly branch: string | null
  /** Full commit id, or null if unknown. */
  readonly revision: string | null
  readonly release: string | null
  /** In order of start. */
  readonly tasks: readonly TimelineTask[]
  readonly servers: readonly ServerTimeline[]
}

const timed = {
  start: z.number().min(0),
  ms: z.number().min(0),
  failed: z.literal(true).exactOptional(),
}

const schema = z.object({
  version: z.literal(1),
  environment: z.string(),
  kind: z.enum(['deploy', 'rollback', 'pull', 'other']),
  user: z.string(),
  startedAt: z.iso.datetime(),
  seconds: z.number().min(0),
  result: z.enum(['succeeded', 'failed']),
  branch: z.string().nullable(),
  revision: z.string().nullable(),
  release: z.string().nullable(),
  tasks: z.array(z.object({ task: z.string(), ...timed })),
  servers: z.array(
    z.object({
      server: z.string(),
      trips: z.number().min(0),
      spans: z.array(z.object({ what: z.string(), ...timed })),
    }),
  ),
}) satisfies z.ZodType<TimelineRecord>

/** Reads a record; undefined if the text is not one, or is one of another version. */
export function parseTimeline(text: string): TimelineRecord | undefined {
  try {
    return schema.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}
