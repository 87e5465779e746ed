import type { NodeChange } from '../../../src/usecases/index.ts';
import type { SampleNode } from '../sample-install.ts';
import type { Wish } from './wish.ts';

/** One command of an operator. */
export type Verb =
  | { readonly what: 'install' | 'upgrade' | 'rollback' }
  | { readonly what: 'node'; readonly change: NodeChange; readonly purge?: boolean }
  | { readonly what: 'renew'; readonly names: readonly string[] }
  | { readonly what: 'reset'; readonly purge: boolean };

/** A command with the wish that is carried out once it has ended well. */
export interface Step {
  readonly verb: Verb;
  readonly wish: Wish;
}

/**
 * Lists the commands that lead from one wish to another: one for each node that differs, an upgrade for another release, and
 * an install for everything that only the file says. An install alone leads to the same wish.
 */
export function stepsBetween(from: Wish, to: Wish): readonly Step[] {
  const steps: Step[] = [];
  let wish = from;
  const add = (verb: Verb, next: Wish): void => {
    wish = next;
    steps.push({ verb, wish });
  };
  const change = (made: NodeChange, nodes: readonly SampleNode[]): void => add({ what: 'node', change: made }, { ...wish, nodes });
  for (const node of to.nodes) {
    const before = wish.nodes.find(({ name }) => name === node.name);
    if (before === undefined) change({ what: 'add', node }, [...wish.nodes, node]);
    else if (!hasRoles(before, node.roles)) {
      const { name, roles } = node;
      change(
        { what: 'roles', name, roles },
        wish.nodes.map((one) => (one === before ? { ...one, roles } : one)),
      );
    }
  }
  for (const { name } of from.nodes) {
    if (to.nodes.some((node) => node.name === name)) continue;
    change(
      { what: 'remove', name },
      wish.nodes.filter((node) => node.name !== name),
    );
  }
  if (JSON.stringify(wish.release) !== JSON.stringify(to.release)) add({ what: 'upgrade' }, { ...wish, release: to.release });
  if (steps.length === 0 || JSON.stringify(wish) !== JSON.stringify(to)) add({ what: 'install' }, to);
  return steps;
}

function hasRoles(node: SampleNode, roles: readonly string[]): boolean {
  return [...node.roles].sort().join(' ') === [...roles].sort().join(' ');
}
