import { messageOf } from '../errors.js'
import { askReleases } from '../flow/releases.js'
import { findRevision } from '../git/find-revision.js'
import type { Catalog } from '../graph/catalog.js'
import type { Graph } from '../graph/graph.js'
import { isGroup } from '../shipit/group.js'
import type { Extensions } from '../plugin/extensions.js'
import { rolesOf } from '../servers/roles.js'
import type { Shipit } from '../shipit/shipit.js'
import type { FlowDsl } from './flow-dsl.js'
import type { Host } from '../ssh/host.js'
import { columns } from '../inspection/columns.js'
import { renderPlan, type PlannedServer, type PlannedTask } from '../inspection/plan.js'
import { askAll, gatherStatus, renderStatus } from '../inspection/status.js'
import { renderTree, treeOf } from '../inspection/tree.js'

/** Defines the read-only tasks `tasks`, `deploy:tree`, `deploy:plan` and `deploy:status`. */
export function defineInspection(
  shipit: Shipit,
  { replace, desc, hosts, on, releaseRoles, plugin }: FlowDsl,
  {
    graph,
    catalog,
    extensions,
  }: { readonly graph: Graph; readonly catalog: Catalog; readonly extensions: Extensions },
): void {
  const { print } = plugin

  desc('Lists the tasks that have a description')
  replace('tasks', [], () => {
    const described = Object.keys(shipit.tasks)
      .toSorted()
      .flatMap((task) => {
        const description = catalog.of(task)
        return description ? [{ task, description: description.text }] : []
      })
    print(described, () => columns(described.map(({ task, description }) => [task, description])))
  })

  desc('Prints the tasks of a deploy, or of TASK, with their hooks')
  replace('deploy:tree', [], () => {
    const tree = treeOf(process.env['TASK'] ?? 'deploy', { tasks: shipit.tasks, graph, catalog })
    print(tree, () => renderTree(tree))
  })

  const ask = async (host: Host, releasing: readonly Host[]): Promise<PlannedServer> => {
    const known = { server: host.name, roles: rolesOf(host), release: releasing.includes(host) }
    try {
      const { current = null, revision = null } = await askReleases(host, plugin.deployTo())
      return { ...known, currentRelease: current, currentRevision: revision }
    } catch (error) {
      return { ...known, currentRelease: null, currentRevision: null, error: messageOf(error) }
    }
  }

  desc('Shows what a deploy would do, and changes nothing', { runsOn: 'deploy machine and servers' })
  replace('deploy:plan', [], async () => {
    const releasing = releaseRoles('all')
    const find = extensions.plannedRevision.value ?? (() => findRevision(shipit.config))
    const [servers, revision = null, more] = await Promise.all([
      on(hosts(), (host) => ask(host, releasing)),
      find(),
      askAll(extensions.planLines.all, (line) => line()),
    ])
    const tasks = planTasks(shipit, graph, catalog)
    const { environment } = shipit
    const plan = { environment, branch: plugin.branch(), revision, servers, tasks, more }
    print(plan, () => renderPlan(plan))
  })

  desc('Shows what is live on each server, since when, and who deployed it', { runsOn: 'servers' })
  replace('deploy:status', [], async () => {
    const { environment } = shipit
    const deployTo = plugin.deployTo()
    const found = await gatherStatus(releaseRoles('all'), { environment, deployTo, extensions })
    print(found, () => renderStatus(found))
  })
}

/** The tasks of a deploy, in running order, without those that only group others. */
function planTasks(shipit: Shipit, graph: Graph, catalog: Catalog): PlannedTask[] {
  const declared = graph.declaredHooks()
  const seen = new Set<string>()
  const planned: PlannedTask[] = []
  const add = (task: string, during: string | undefined): void => {
    if (seen.has(task)) return
    seen.add(task)
    const { text, runsOn, invokes = [] } = catalog.of(task) ?? {}
    const hooks = declared.filter(({ hook }) => hook === task).map(({ when, target }) => `${when} ${target}`)
    const own = shipit.tasks[task]
    if (!own || !isGroup(own) || hooks.length > 0) {
      planned.push({
        task,
        ...(text === undefined ? {} : { description: text }),
        ...(runsOn === undefined ? {} : { runsOn }),
        hooks,
        ...(during === undefined ? {} : { during }),
      })
    }
    if (invokes.length === 0) return
    for (const invoked of graph.sequence(invokes).names) add(invoked, task)
  }
  for (const task of graph.sequence(['deploy']).names) add(task, undefined)
  return planned
}
