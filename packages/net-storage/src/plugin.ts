import { join } from 'node:path'
import capistrano, { type Shipit } from 'shipit-capistrano'
import type { Manifest } from './archive/manifest.js'
import { pushMistakes } from './push-settings.js'
import { settingsSchema, type NetStorageSettings } from './settings.js'
import { definePullDeploy } from './deploy.js'
import { Deployment } from './deployment.js'
import { LocalFolder } from './local-folder.js'

/** The running deploy, for tasks in shipitfiles: `shipit.netStorage`. */
export interface NetStorage {
  /** Folder on the deploy machine that is packed, filled by `net_storage:prepare_archive`: `shipit.workspace`. */
  readonly localReleasePath: string
  /** The application's folder in {@link localReleasePath}, where builds run. */
  readonly localReleaseAppPath: string
  /** The archive being deployed; set by `net_storage:upload_archive`. */
  readonly manifest: Manifest | undefined
}

declare module 'shipit-capistrano' {
  interface EnvironmentConfig {
    /** Settings of shipit-net-storage. */
    netStorage?: NetStorageSettings
  }
  interface Shipit {
    netStorage: NetStorage
  }
}

/**
 * Pull deploys: `deploy:fetch` and `deploy:update` build one archive, put it in storage, and make every server fetch it.
 * Calling it twice on a Shipit instance is harmless.
 */
export default function netStorage(shipit: Shipit): void {
  if (shipit.netStorage) return
  const dsl = capistrano(shipit)
  const { plugin } = dsl
  const settings = plugin.settings({
    key: 'netStorage',
    schema: settingsSchema,
    requires: ['application', 'deployTo', 'repositoryUrl'],
    mistakes: pushMistakes,
  })
  const deployment = plugin.perRun((run) => new Deployment(shipit, dsl, settings(), run))
  plugin.timelineFolder(() => new LocalFolder(settings().localBasePath).timelines)
  plugin.offerLock(async () => settings().transport.lock?.())
  shipit.netStorage = {
    get localReleasePath() {
      return deployment().workspace.path
    },
    get localReleaseAppPath() {
      const { workspace, application } = deployment()
      return settings().multiAppMode ? join(workspace.path, application) : workspace.path
    },
    get manifest() {
      return deployment().manifest
    },
  }
  definePullDeploy(dsl, deployment)
}
