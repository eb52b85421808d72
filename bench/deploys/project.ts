import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FleetServer } from '../../testbed/fleet.js'
import type { SampleApp } from '../../testbed/sample-app.js'
import { BUCKET, type Site } from './site.js'

/** A pull deploy with our plugins, or a push with shipit-deploy alone. */
export const SIDES = ['ours', 'push'] as const
export type Side = (typeof SIDES)[number]

const NODE_MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url))

/** As in shipitfile.example.ts, without its build and its config files, which a push doesn't have. */
const PLUGINS: Readonly<Record<Side, string>> = {
  ours: `
  const { before, after } = capistrano(shipit)
  netStorage(shipit)
  deployLocker(shipit)
  before('deploy:starting', 'deploy:lock')
  after('deploy:finished', 'deploy:unlock')
  after('deploy:failed', 'deploy:unlock')`,
  push: `
  deploy(shipit)`,
}

const IMPORTS: Readonly<Record<Side, string>> = {
  ours: `import capistrano from 'shipit-capistrano'
import deployLocker from 'shipit-deploy-locker'
import netStorage from 'shipit-net-storage'
import { S3Transport } from 'shipit-net-storage-s3'`,
  push: `import deploy from 'shipit-deploy'`,
}

const SETTINGS: Readonly<Record<Side, string>> = {
  ours: `
      application: 'shop',
      netStorage: {
        transport: new S3Transport({
          bucket: env.S3_BUCKET, prefix: 'shop', region: env.S3_REGION, endpoint: env.S3_ENDPOINT, forcePathStyle: true,
        }),
      },`,
  push: '',
}

/** Prints its peak memory at the end, for `peakMemory`. */
const shipitfile = (side: Side): string => `${IMPORTS[side]}

const { env } = process

export default shipit => {${PLUGINS[side]}
  shipit.initConfig({
    default: {
      repositoryUrl: env.REPOSITORY_URL,
      branch: 'main',
      deployTo: env.DEPLOY_TO,
      keepReleases: 5,
      key: env.SSH_KEY,${SETTINGS[side]}
    },
    production: { servers: JSON.parse(env.SERVERS) },
  })
  process.on('exit', () => console.log('peak memory: ' + process.resourceUsage().maxRSS + ' kB'))
}
`

/** The bytes of the node process's peak memory, from the output of a run. */
export function peakMemory(output: string): number {
  return Number(/^peak memory: (\d+) kB$/m.exec(output)?.[1]) * 1024
}

export interface ProjectOptions {
  readonly directory: string
  readonly side: Side
  readonly app: SampleApp
}

/** A folder to deploy from. */
export class Project {
  private constructor(
    readonly directory: string,
    readonly side: Side,
    private readonly app: SampleApp,
  ) {}

  static async create({ directory, side, app }: ProjectOptions): Promise<Project> {
    await mkdir(join(directory, 'tmp'), { recursive: true })
    await mkdir(join(directory, 'home'))
    await symlink(NODE_MODULES, join(directory, 'node_modules'))
    await writeFile(join(directory, 'package.json'), '{ "private": true, "type": "module" }\n')
    await writeFile(join(directory, 'shipitfile.js'), shipitfile(side))
    return new Project(directory, side, app)
  }

  /** The environment of a run that deploys to these servers. */
  environment(site: Site, servers: readonly FleetServer[], deployTo: string): NodeJS.ProcessEnv {
    const { endpoint, region, accessKeyId, secretAccessKey } = site.storage
    return {
      PATH: process.env['PATH'],
      // In memory, as everything else.
      HOME: join(this.directory, 'home'),
      TMPDIR: join(this.directory, 'tmp'),
      USER: 'bench',
      SERVERS: JSON.stringify(servers),
      SSH_KEY: site.fleet.key,
      DEPLOY_TO: deployTo,
      REPOSITORY_URL: this.app.directory,
      ...(this.side === 'ours' && {
        S3_BUCKET: BUCKET,
        S3_ENDPOINT: endpoint,
        S3_REGION: region,
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
      }),
    }
  }

  /** Removes what earlier deploys left on the deploy machine. */
  async forget(): Promise<void> {
    await rm(join(this.directory, '.local_net_storage'), { recursive: true, force: true })
  }

  /** The most round trips to a server, from the record that a run wrote since; without a record null. */
  async trips(since: number): Promise<number | null> {
    const folder = join(this.directory, '.local_net_storage/timeline')
    const files = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.json'))
    let newest: { readonly path: string; readonly time: number } | undefined
    for (const name of files) {
      const path = join(folder, name)
      const { mtimeMs: time } = await stat(path)
      if (time >= since && time >= (newest?.time ?? 0)) newest = { path, time }
    }
    if (!newest) return null
    const { servers } = JSON.parse(await readFile(newest.path, 'utf8')) as {
      servers: readonly { readonly trips: number }[]
    }
    return Math.max(...servers.map(({ trips }) => trips))
  }
}
