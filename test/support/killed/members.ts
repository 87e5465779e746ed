import { changeNode, type NodeChange } from '../../../src/usecases/index.ts';
import { foundStores, stores, watchMajority } from '../member-stores.ts';
import { type HardSite } from '../hard-cases.ts';
import { yes, type KilledOperation } from './killed-operation.ts';

interface OfMembers {
  readonly name: string;
  /** A platform whose members know the others by their files alone, so that none restarts, or by a file that restarts them. */
  readonly bundle: 'hard' | 'stores';
  /** Members of the first install, of three machines. */
  readonly count: number;
  readonly prepare: (site: HardSite) => Promise<unknown>;
  readonly change: NodeChange;
}

/** A change of the members of a quorum, which decide by majority at every moment. */
function ofMembers({ name, bundle, count, prepare, change }: OfMembers): KilledOperation {
  return {
    name,
    ready: async (own, bundles) => {
      const site = await foundStores(own, await bundles(bundle), stores(count), stores(3));
      await prepare(site);
      // A second member is none yet while it starts, and the first is away while it restarts.
      if (count > 1) watchMajority(site);
      const options = { ...site.options, bundlePaths: undefined, purge: change.what === 'remove' };
      const run = (): Promise<{ readonly changed: number }> => changeNode(options, change, yes);
      return { site, run, again: () => site.run(), facts: () => [[...site.platform.members], originsOf(site), founderOf(site)] };
    },
  };
}

/** Whether each member founded the quorum or joined it. */
function originsOf(site: HardSite): unknown {
  return Object.entries(site.definitions('store')).map(([name, text]) => [name, /ORIGIN=\w+/.exec(text ?? '')?.[0]]);
}

/** The restarts of the first member, where its files do not name the others. */
function founderOf(site: HardSite): unknown {
  const founder = site.machine('n1');
  if (founder.files.has('/opt/sample/members')) return 'restarts';
  return [site.definitions('store')['n1'], founder.restarted.filter((unit) => unit === 'store.service')];
}

const [N1, N2, N3] = stores(3).map(({ name, address, roles }) => ({ name, address, roles }));
if (N1 === undefined || N2 === undefined || N3 === undefined) throw new Error('there are fewer than three stores');

export const OF_MEMBERS: readonly KilledOperation[] = [
  // Two members come, because an even number is refused: one is in cluster.yaml before.
  ...(['hard', 'stores'] as const).map((bundle) =>
    ofMembers({
      name: bundle === 'hard' ? 'growth of a quorum' : 'growth of a quorum whose first member restarts',
      bundle,
      count: 1,
      prepare: (site) => site.declare([N1, N2]),
      change: { what: 'add', node: N3 },
    }),
  ),
  ofMembers({
    name: 'shrinking of a quorum',
    bundle: 'stores',
    count: 3,
    prepare: (site) => site.declare([N1, N2]),
    change: { what: 'remove', name: 'n2' },
  }),
  ofMembers({
    name: 'replacement of a member',
    bundle: 'stores',
    count: 3,
    prepare: async (site) => site.replaceMachine('n2', '10.0.0.99'),
    change: { what: 'replace', name: 'n2', address: '10.0.0.99' },
  }),
];
