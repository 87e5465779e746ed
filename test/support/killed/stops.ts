import { expect } from 'vitest';
import {
  bringNodeUp,
  cordonNode,
  moveComponent,
  takeNodeDown,
  uncordonNode,
  type ComponentMove,
  type CordonOptions,
} from '../../../src/usecases/index.ts';
import { hardSite, type HardSite } from '../hard-cases.ts';
import { movableSite, ROWS, runsOn } from '../movable-components.ts';
import type { SampleNode } from '../sample-install.ts';
import { yes, type KilledOperation } from './killed-operation.ts';

/** Two nodes do the work, so that one may be away. */
const WORKERS: readonly SampleNode[] = [
  { name: 'n1', address: '10.0.0.11', roles: ['control'] },
  { name: 'n2', address: '10.0.0.12', roles: ['work'] },
  { name: 'n3', address: '10.0.0.13', roles: ['work'] },
];

type OnNode = (options: CordonOptions) => Promise<{ readonly changed: number }>;

const down: OnNode = (options) => takeNodeDown(options, yes);

/** What an operator does to the node n2. */
function ofNode(name: string, run: OnNode, before?: OnNode): KilledOperation {
  return {
    name,
    ready: async (own, bundles) => {
      const site = await hardSite(own, await bundles('hard'), WORKERS);
      await site.run();
      const { connect, clock, emit, signal, machines } = site.options;
      const options: CordonOptions = { node: 'n2', home: connect.home, clock, emit, signal, machines };
      await before?.(options);
      const { platform } = site;
      // A node that came up or is uncordoned is one that an install works on.
      const again = before === undefined ? () => run(options) : () => site.run();
      return { site, run: () => run(options), again, facts: () => [[...platform.cordoned], [...platform.drained]] };
    },
  };
}

/** A component runs somewhere at every moment of its move, and rows of the database stay. */
function ofMove(name: string, move: ComponentMove): KilledOperation {
  return {
    name,
    ready: async (own, bundles) => {
      const site = await movableSite(own, await bundles('movable'));
      const run = (): Promise<{ readonly changed: number }> =>
        moveComponent({ ...site.options, bundlePaths: undefined, clusterPath: undefined }, move, yes);
      return { site, run, again: run, atDeath: () => expectServed(site, move.component), facts: () => runsOn(site, move.component) };
    },
  };
}

function expectServed(site: HardSite, component: string): void {
  expect(runsOn(site, component)).not.toEqual([]);
  expect(site.machine('n2').text(ROWS)).toBe('rows of years');
}

export const OF_STOPS: readonly KilledOperation[] = [
  ofNode('cordon of a node', cordonNode),
  ofNode('uncordon of a node', uncordonNode, cordonNode),
  ofNode('a node that goes down', down),
  ofNode('a node that comes up', bringNodeUp, down),
  ofMove('move of a component', { component: 'control', from: 'n2', to: 'n3' }),
  ofMove('move of a component that begins empty', { component: 'db', from: 'n2', to: 'n3', beginEmpty: true }),
];
