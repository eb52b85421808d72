import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { leftBehind, OWNER } from './left-behind.js'
import { removeReplacements } from './scm/replace-folder.js'

/** The folder of the deploy machine that stays from deploy to deploy: `localBasePath`. */
export class LocalFolder {
  /** The copy of the repository. */
  readonly mirror: string
  /** What makes installations faster. */
  readonly cache: string
  /** Trees of releases, each with an empty file beside it whose name tells which process has it. */
  private readonly releases: string

  constructor(private readonly path: string) {
    this.mirror = join(path, 'mirror')
    this.cache = join(path, 'cache')
    this.releases = join(path, 'releases')
  }

  /** Where a release is built. */
  releaseTree(release: string): string {
    return join(this.releases, release)
  }

  /** Makes the folder, with a `.gitignore`, as it is in a project as a rule. One that is there stays as it is. */
  async make(): Promise<void> {
    if (await mkdir(this.path, { recursive: true })) await writeFile(join(this.path, '.gitignore'), '*\n')
  }

  /** Makes place for the tree of a release that this process builds. */
  async claimReleaseTree(release: string): Promise<void> {
    await this.remove(release)
    await mkdir(this.releases, { recursive: true })
    await writeFile(join(this.releases, `${release}.${OWNER}`), '')
  }

  /** Removes the tree of a release, and what runs left behind that were killed. */
  async clean(release: string | undefined): Promise<void> {
    if (release !== undefined) await this.remove(release)
    await removeReplacements(this.mirror)
    for (const name of await leftBehind(this.releases, () => true))
      await this.remove(name.split('.', 1).join())
  }

  private async remove(release: string): Promise<void> {
    const names = await readdir(this.releases).catch(() => [])
    for (const name of names.filter((each) => each === release || each.startsWith(`${release}.`)))
      await rm(join(this.releases, name), { recursive: true, force: true })
  }
}
