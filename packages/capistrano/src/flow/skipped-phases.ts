import type { Graph } from '../graph/graph.js'
import { SequenceError } from '../graph/sequence.js'
import { PHASES } from './phases.js'

/** A warning for each hook on a phase that the shipitfile's own `deploy` or `rollback` leaves out. */
export function skippedPhaseHooks(graph: Graph): string[] {
  const skipped = (['deploy', 'rollback'] as const).flatMap((flow) => {
    const reached = reachable(graph, flow)
    return reached
      ? PHASES[flow].filter((phase) => !reached.includes(phase)).map((phase) => ({ flow, phase }))
      : []
  })
  return graph
    .declaredHooks()
    .flatMap(({ when, target, hook }) =>
      skipped
        .filter(({ phase }) => phase === target)
        .map(
          ({ flow, phase }) =>
            `${when}('${phase}', '${hook}') does not run in a ${flow}: the shipitfile's own '${flow}' leaves '${phase}' out`,
        ),
    )
}

function reachable(graph: Graph, name: string): readonly string[] | undefined {
  try {
    return graph.sequence([name]).names
  } catch (error) {
    // A missing task is reported when it is started.
    if (error instanceof SequenceError) return undefined
    throw error
  }
}
