import { resolve } from 'node:path'
import { releaseName } from 'shipit-capistrano'
import type { LocalFolder } from './local-folder.js'

/** What one run knows of its workspace: the folder in which what goes into the archive is made. */
export class Workspace {
  /** Its name among those of other runs: the release's, where one is chosen first. */
  readonly name: string
  readonly path: string
  /** What builds in it between `deploy:fetch` and the archive, in words: listeners and tasks of the shipitfile. */
  builders: readonly string[] = []
  /** Whether the commit's files are there, and what was installed. */
  isMade = false

  constructor(folder: LocalFolder, release: string | undefined) {
    this.name = release ?? releaseName(new Date())
    this.path = resolve(folder.releaseTree(this.name))
  }
}
