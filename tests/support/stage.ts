import { mkdtemp, readFile, readdir, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject } from 'vitest'
import { startFleet, type Fleet, type FleetOptions } from '../../testbed/fleet.js'
import { createSampleApp, type SampleApp } from '../../testbed/sample-app.js'
import { Bucket } from './bucket.js'
import { createProject, startShipit, type ShipitRun } from '../../testbed/shipit.js'

const DEPLOY_TO = 'srv/shop'

export interface StageOptions extends Partial<Omit<FleetOptions, 'directory'>> {
  /** @default ['web1', 'web2', 'web3'] */
  readonly names?: readonly string[]
}

/** Real ssh hosts, a bucket on a real S3 server, an application in git, and a project folder to deploy it from. */
export class Stage {
  private constructor(
    readonly directory: string,
    readonly fleet: Fleet,
    readonly app: SampleApp,
    readonly bucket: Bucket,
    readonly env: NodeJS.ProcessEnv,
  ) {}

  static async create({ names = ['web1', 'web2', 'web3'], ...hosts }: StageOptions = {}): Promise<Stage> {
    const directory = await mkdtemp(join(tmpdir(), 'stage-'))
    const { endpoint, region, accessKeyId, secretAccessKey } = inject('s3')
    const [fleet, app, bucket] = await Promise.all([
      startFleet({ directory, names, ...hosts }),
      createSampleApp(join(directory, 'shop')),
      Bucket.create(),
    ])
    await createProject(directory)
    return new Stage(directory, fleet, app, bucket, {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      XDG_STATE_HOME: join(directory, 'state'),
      USER: 'tester',
      SERVERS: JSON.stringify(fleet.servers),
      SSH_KEY: fleet.key,
      DEPLOY_TO,
      REPOSITORY_URL: app.directory,
      S3_BUCKET: bucket.name,
      S3_ENDPOINT: endpoint,
      S3_REGION: region,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    })
  }

  /** Starts `shipit production <tasks>`, with the example shipitfile unless `shipitfile` names another. */
  start(
    task: string | readonly string[],
    env: NodeJS.ProcessEnv = {},
    shipitfile?: string,
    environment = 'production',
  ): ShipitRun {
    return startShipit(task, {
      cwd: this.directory,
      env: { ...this.env, ...env },
      environment,
      ...(shipitfile ? { shipitfile } : {}),
    })
  }

  /** Like {@link start}, but waits for the end. */
  async run(
    task: string | readonly string[],
    env: NodeJS.ProcessEnv = {},
    shipitfile?: string,
    environment?: string,
  ): Promise<{ status: number | string; output: string; stdout: string }> {
    const run = this.start(task, env, shipitfile, environment)
    return { status: await run.ended, output: run.output, stdout: run.stdout }
  }

  /** Writes a shipitfile into the project, and returns its path. */
  async shipitfile(name: string, content: string): Promise<string> {
    const path = join(this.directory, name)
    await writeFile(path, content)
    return path
  }

  /** A path in a host's `deployTo`. */
  path(host: string, ...parts: string[]): string {
    return join(this.fleet.host(host).home, DEPLOY_TO, ...parts)
  }

  /** The live revision on each host, or undefined. */
  async live(): Promise<(string | undefined)[]> {
    return Promise.all(
      this.fleet.hosts.map(async ({ name }) => {
        const target = await readlink(this.path(name, 'current')).catch(() => undefined)
        return target === undefined
          ? undefined
          : (await readFile(this.path(name, target, 'REVISION'), 'utf8')).trim()
      }),
    )
  }

  async releases(host: string): Promise<string[]> {
    return (await readdir(this.path(host, 'releases'))).sort()
  }

  /** Holders of the locks in the bucket. */
  async locks(): Promise<string[]> {
    const keys = (await this.bucket.keys()).filter((key) => key.includes('/locks/'))
    const leases = await Promise.all(keys.map((key) => this.bucket.read(key)))
    return leases
      .map((lease) => JSON.parse(Buffer.from(lease).toString()) as { held: boolean; user: string })
      .filter(({ held }) => held)
      .map(({ user }) => user)
  }

  async connections(): Promise<number[]> {
    return Promise.all(this.fleet.hosts.map((host) => host.connections()))
  }

  async close(): Promise<void> {
    await this.fleet.stop()
    await this.bucket.delete()
    await rm(this.directory, { recursive: true, force: true })
  }
}
