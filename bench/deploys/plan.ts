import { freemem } from 'node:os'
import { parseArgs } from 'node:util'
import { SHELLS, type Shell } from './users.js'

export const APPS = {
  small: { files: 200, megabytes: 2 },
  large: { files: 20_000, megabytes: 200 },
} as const
export type AppName = keyof typeof APPS

/** Empty servers and an empty deploy machine; the same commit again; a commit that changes a few files. */
export const DEPLOYS = ['first', 'same', 'new'] as const
export type DeployKind = (typeof DEPLOYS)[number]

/** Deploys to measure in turn. */
export interface Series {
  readonly app: AppName
  readonly shell: Shell
  readonly servers: number
  readonly slowUplink: boolean
  readonly deploys: readonly DeployKind[]
}

export interface Plan {
  readonly rounds: number
  readonly series: readonly Series[]
  /** Folder for servers, storage and the deploy machine. */
  readonly directory: string
  /** File for the results. */
  readonly json: string
}

type Part = Omit<Series, 'servers'> & { readonly servers: readonly number[] }

const QUICK: readonly Part[] = [
  { app: 'small', shell: 'plain', servers: [1, 4, 16], slowUplink: false, deploys: DEPLOYS },
  { app: 'small', shell: 'slow', servers: [16], slowUplink: false, deploys: ['new'] },
]

const FULL: readonly Part[] = [
  { app: 'small', shell: 'plain', servers: [1, 4, 16, 64], slowUplink: false, deploys: DEPLOYS },
  { app: 'small', shell: 'slow', servers: [1, 4, 16], slowUplink: false, deploys: DEPLOYS },
  { app: 'large', shell: 'plain', servers: [1, 4, 16], slowUplink: false, deploys: DEPLOYS },
  { app: 'small', shell: 'plain', servers: [16], slowUplink: true, deploys: DEPLOYS },
  { app: 'large', shell: 'plain', servers: [16], slowUplink: true, deploys: ['first'] },
]

/** Reads the command line. Any of the lists replaces the standard series by all combinations. */
export function readPlan(): Plan {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      apps: { type: 'string' },
      servers: { type: 'string' },
      shells: { type: 'string' },
      deploys: { type: 'string' },
      uplink: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      json: { type: 'string', default: 'bench/results/latest.json' },
      in: { type: 'string', default: '/dev/shm' },
    },
  })
  const { quick, apps, servers, shells, deploys, uplink, rounds, json, in: directory } = values
  const custom = apps ?? servers ?? shells ?? deploys ?? (uplink ? '' : undefined)
  const parts =
    custom === undefined
      ? quick
        ? QUICK
        : FULL
      : listed(apps ?? (quick ? 'small' : 'small,large'), Object.keys(APPS) as AppName[]).flatMap((app) =>
          listed(shells ?? 'plain', SHELLS).map((shell) => ({
            app,
            shell,
            servers: (servers ?? (uplink ? '16' : '1,4,16')).split(',').map(positive),
            slowUplink: uplink,
            deploys: listed(deploys ?? DEPLOYS.join(','), DEPLOYS),
          })),
        )
  return {
    rounds: positive(rounds ?? (quick ? '2' : '3')),
    series: parts.flatMap((part) => part.servers.map((count) => ({ ...part, servers: count }))),
    directory,
    json,
  }
}

function listed<Name extends string>(text: string, all: readonly Name[]): Name[] {
  return text.split(',').map((name) => {
    const found = all.find((each) => each === name)
    if (!found) throw new Error(`'${name}' is none of ${all.join(', ')}.`)
    return found
  })
}

function positive(text: string): number {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1) throw new Error(`'${text}' is not a whole number from 1.`)
  return number
}

const MEGABYTE = 1e6
/** For sshd and its sessions, and for what they run. */
const SERVER_BYTES = 40 * MEGABYTE
/** For everything else on this machine. */
const RESERVE_BYTES = 1000 * MEGABYTE
/** Times the app's size: its repository, clones and workspaces, and archives in storage. */
const DEPLOY_MACHINE = 15
/** Times the app's size, for each release: its files take whole pages, and a push sends `.git`, too. */
const RELEASES = 1.25 + (1.25 + 0.65)
/** Times the app's size: an archive that is being fetched. */
const FETCHED = 0.65

/**
 * The deploys of a series that memory suffices for, as servers and storage are in memory.
 * @returns all of them, only the first deploy, or none
 */
export function fitting({ app, servers, deploys }: Series): readonly DeployKind[] {
  const bytes = APPS[app].megabytes * MEGABYTE
  const need = (kinds: readonly DeployKind[]): number => {
    // Without first deploys, releases add up to keepReleases and the next one.
    const releases = kinds.includes('first') ? kinds.length : 6
    const server = SERVER_BYTES + (releases * RELEASES + FETCHED) * bytes
    return RESERVE_BYTES + DEPLOY_MACHINE * bytes + servers * server
  }
  if (need(deploys) <= freemem()) return deploys
  const first = deploys.filter((kind) => kind === 'first')
  return first.length > 0 && need(first) <= freemem() ? first : []
}
