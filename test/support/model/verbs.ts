import type { ComponentMove, NodeChange } from '../../../src/usecases/index.ts';
import type { SampleNode } from '../sample-install.ts';
import type { Wish } from './wish.ts';

/** A command for a node that is at work elsewhere than in cluster.yaml. */
export interface NodeVerb {
  readonly what: 'down' | 'up' | 'uncordon';
  readonly node: string;
  readonly force: boolean;
  /** True where the operator names the bundle, of which the seed has no copy. */
  readonly isGiven?: boolean;
}

/** One command of an operator. */
export type Verb =
  | { readonly what: 'init' }
  | { readonly what: 'install' | 'upgrade' | 'rollback' }
  | { readonly what: 'node'; readonly change: NodeChange; readonly purge?: boolean }
  | NodeVerb
  | { readonly what: 'move'; readonly move: ComponentMove }
  | { readonly what: 'renew'; readonly names: readonly string[] }
  | { readonly what: 'reset'; readonly purge: boolean };

/** A command with the wish that is carried out once it has ended well. */
export interface Step {
  readonly verb: Verb;
  readonly wish: Wish;
}

/**
 * Lists the commands that lead from one wish to another: one for each node that differs and for each component that moves, an
 * upgrade for another release, and an install for everything that only the file says. An install alone leads to the same wish,
 * unless a component with data moves: that takes a move with `beginEmpty`.
 */
export function stepsBetween(from: Wish, to: Wish, { beginEmpty }: { readonly beginEmpty: boolean }): readonly Step[] {
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
  for (const [component, host] of Object.entries(to.place)) {
    if (wish.place[component] === host) continue;
    add({ what: 'move', move: { component, to: host, beginEmpty } }, { ...wish, place: placed(wish.place, component, host) });
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

/** Places with one more, or without one, in an order that does not depend on how they came about. */
export function placed(place: Wish['place'], component: string, host: string | undefined): Wish['place'] {
  const all = Object.entries(place).filter(([name]) => name !== component);
  if (host !== undefined) all.push([component, host]);
  return Object.fromEntries(all.sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** True for a command that finds cluster.yaml as it was before, and changes it itself. */
export function editsCluster({ what }: Verb): boolean {
  return what === 'node' || what === 'move';
}

function hasRoles(node: SampleNode, roles: readonly string[]): boolean {
  return [...node.roles].sort().join(' ') === [...roles].sort().join(' ');
}
