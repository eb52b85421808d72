import type { Catalog } from '../graph/catalog.js'
import type { Graph } from '../graph/graph.js'
import { HookTable } from '../graph/hooks.js'
import type { Task } from '../shipit/shipit.js'
import { columns } from './columns.js'

/** Why a task is in the tree. */
type Relation = 'task' | 'dependency' | 'before' | 'after' | 'invoked'

/** A task of a tree, with what runs before and after it. */
export interface TreeNode {
  readonly task: string
  readonly as: Relation
  readonly description?: string
  /** In running order. The task itself runs after its dependencies, around what it invokes, and before its after-hooks. */
  readonly children: readonly TreeNode[]
  /** True if it is already further up: it runs there, once. */
  readonly ranBefore: boolean
}

/** The tree of a task. @throws {SequenceError} if there is none */
export function treeOf(
  name: string,
  { tasks, graph, catalog }: { tasks: Readonly<Record<string, Task>>; graph: Graph; catalog: Catalog },
): TreeNode {
  // Throws on missing tasks and cycles, so that the walk below need not check.
  graph.sequence([name])
  const hooks = new HookTable(graph.declaredHooks())
  const seen = new Set<string>()

  const visit = (task: string, as: Relation): TreeNode => {
    const { text, invokes = [] } = catalog.of(task) ?? {}
    const described = text === undefined ? {} : { description: text }
    if (seen.has(task)) return { task, as, ...described, children: [], ranBefore: true }
    seen.add(task)
    const children = [
      ...[...hooks.of('before', task)].map((hook) => visit(hook, 'before')),
      ...(tasks[task]?.dep ?? []).map((dependency) => visit(dependency, 'dependency')),
      ...invokes.map((invoked) => visit(invoked, 'invoked')),
      ...[...hooks.of('after', task)].map((hook) => visit(hook, 'after')),
    ]
    return { task, as, ...described, children, ranBefore: false }
  }
  return visit(name, 'task')
}

/** A tree as lines for people. */
export function renderTree(root: TreeNode): string[] {
  const rows = (node: TreeNode, depth: number): string[][] => {
    const { task, as, description = '', children, ranBefore } = node
    const relation = as === 'task' || as === 'dependency' ? '' : `${as}: `
    const row = [`${'  '.repeat(depth)}${relation}${task}`, ranBefore ? '(see above)' : description]
    return [row, ...children.flatMap((child) => rows(child, depth + 1))]
  }
  return columns(rows(root, 0))
}
