import { DeployError } from 'shipit-capistrano'
import type { Deployment } from '../deployment.js'
import { isFolder } from '../file-kind.js'
import { installDependencies } from '../installer/dependencies.js'
import { findBuilders } from './builders.js'

/** Names the folder in which the release is built, and fills it immediately if something builds in it. */
export async function openWorkspace(deployment: Deployment): Promise<void> {
  const { shipit, dsl, run, workspace } = deployment
  const { keepWorkspace, shallowClone, workspace: configured } = shipit.config
  const builders = findBuilders(deployment)
  const names = builders.join(', ')
  if (run.kind === 'pull') {
    if (names)
      shipit.log(`Nothing is built: the archive in storage is deployed. Any output of ${names} is ignored.`)
    return
  }
  workspace.builders = builders
  if (shallowClone === false && configured && configured !== workspace.path)
    shipit.log(`The workspace is ${workspace.path}; the configured ${configured} is not used.`)
  run.buildsIn(workspace.path)
  if (names) shipit.log(`Creating the workspace before checking storage: ${names} may build in it.`)
  if (names || keepWorkspace) await dsl.invoke('net_storage:prepare_archive')
  shipit.emit('fetched')
}

/** Puts the commit's files into the workspace, and installs what they depend on. */
export async function fillWorkspace(deployment: Deployment): Promise<void> {
  const { shipit, dsl, run, scm, revision, application, settings, localFolder, workspace } = deployment
  run.buildsIn(workspace.path)
  await localFolder.claimReleaseTree(workspace.name)
  await scm.checkOut(revision, workspace.path)
  if (settings.multiAppMode && !(await isFolder(shipit.netStorage.localReleaseAppPath))) {
    throw new DeployError(
      'E_APPLICATION',
      `netStorage.multiAppMode: commit ${revision} has no folder '${application}', the application's name.`,
    )
  }
  const log = (line: string): void => shipit.log(line)
  const { installed, skipped } = await deployment.dependencies()
  for (const reason of skipped) log(reason)
  await installDependencies(installed, {
    directory: workspace.path,
    cachePath: localFolder.cache,
    signal: dsl.signal(),
    log,
  })
  workspace.isMade = true
}
