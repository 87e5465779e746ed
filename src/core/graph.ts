import { CaissonError } from './errors.ts';

/**
 * Orders nodes so that each comes after all it needs; among the ready ones input order is kept. A name that is needed
 * but not a node is ignored: callers check that first, where they know what to say. Throws GRAPH_CYCLE naming the circle.
 */
export function topologicalOrder<T>(nodes: readonly T[], nameOf: (node: T) => string, needsOf: (node: T) => readonly string[]): T[] {
  const byName = new Map(nodes.map((node) => [nameOf(node), node]));
  const done = new Set<string>();
  const path: string[] = [];
  const ordered: T[] = [];

  const visit = (node: T): void => {
    const name = nameOf(node);
    if (done.has(name)) return;
    const start = path.indexOf(name);
    if (start >= 0) {
      const circle = [...path.slice(start), name].map((step) => `"${step}"`).join(' needs ');
      throw new CaissonError('GRAPH_CYCLE', `Cannot order what needs what: ${circle}`);
    }
    path.push(name);
    for (const needed of needsOf(node)) {
      const target = byName.get(needed);
      if (target !== undefined) visit(target);
    }
    path.pop();
    done.add(name);
    ordered.push(node);
  };

  nodes.forEach(visit);
  return ordered;
}
