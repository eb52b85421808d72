import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { leftBehind, OWNER } from './left-behind.js'
import { removeReplacements } from './scm/replace-folder.js'

/** The folder on the deploy machine that persists between deploys: `localBasePath`. */
export class LocalFolder {
  readonly mirror: string
  /** The installers' caches. */
  readonly cache: string
  /** The timelines of the last runs. */
  readonly timelines: string
  /** Release trees, each with an empty file beside it whose name contains its process and machine. */
  private readonly releases: string

  constructor(private readonly path: string) {
    this.mirror = join(path, 'mirror')
    this.cache = join(path, 'cache')
    this.timelines = join(path, 'timeline')
    this.releases = join(path, 'releases')
  }

  /** Where a release is built. */
  releaseTree(release: string): string {
    return join(this.releases, release)
  }

  /** Creates the folder if it is missing, with a `.gitignore`: it is usually inside a project. */
  async make(): Promise<void> {
    if (await mkdir(this.path, { recursive: true })) await writeFile(join(this.path, '.gitignore'), '*\n')
  }

  /** Removes an old tree of a release, and claims its place for this process. */
  async claimReleaseTree(release: string): Promise<void> {
    await this.remove(release)
    await mkdir(this.releases, { recursive: true })
    await writeFile(join(this.releases, `${release}.${OWNER}`), '')
  }

  /** Removes the tree of a release, and leftovers of killed runs. */
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
