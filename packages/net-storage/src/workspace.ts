import { resolve } from 'node:path'
import { releaseName } from 'shipit-capistrano'
import type { LocalFolder } from './local-folder.js'

/** The workspace of one run: the folder in which the archive's content is built. */
export class Workspace {
  /** Unique name: the release's, if one is already chosen. */
  readonly name: string
  readonly path: string
  /** Listeners and tasks of the shipitfile that build in it between `deploy:fetch` and the archive, for messages. */
  builders: readonly string[] = []
  /** Whether it holds the commit's files and the installed dependencies. */
  isMade = false

  constructor(folder: LocalFolder, release: string | undefined) {
    this.name = release ?? releaseName(new Date())
    this.path = resolve(folder.releaseTree(this.name))
  }
}
