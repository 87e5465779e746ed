import fc from 'fast-check';
import { IMAGES, MACHINES, nodeOf, ROLES, type Release, type Wish } from './wish.ts';

/** One change of the declared cluster, with a description for reports. */
export interface Edit {
  readonly what: string;
  readonly apply: (wish: Wish) => Wish;
}

/** The command of a run at which its process is killed, and whether that command was carried out. */
export interface Kill {
  readonly at: number;
  readonly carriedOut: boolean;
}

/** An event before, during or after a run. */
export type Mishap =
  | { readonly what: 'nothing' }
  | (Kill & { readonly what: 'kill'; readonly runsAgain: boolean })
  | { readonly what: 'record lost' | 'keys lost' | 'secrets lost' | 'other seed' | 'seed lost' }
  /** A further command once the edits are installed; it is run again when it is killed. */
  | { readonly what: 'rolled back' | 'reset'; readonly kill: Kill | undefined }
  | { readonly what: 'renewed'; readonly which: number; readonly kill: Kill | undefined }
  | { readonly what: 'replaced'; readonly which: number; readonly purge: boolean; readonly kill: Kill | undefined }
  | { readonly what: 'changed by hand'; readonly how: 'write' | 'remove' | 'mode' | 'image' | 'unit'; readonly which: number };

/** One turn of an operator: edits, then a run with its mishap. */
export interface Turn {
  readonly edits: readonly Edit[];
  /** How edits are made: in cluster.yaml before an install, or by the commands for nodes and upgrades. */
  readonly by: 'file' | 'commands';
  readonly mishap: Mishap;
}

export function describeTurn({ edits, by, mishap }: Turn): string {
  return `${edits.map(({ what }) => what).join(', ') || 'no edit'} by ${by}; ${JSON.stringify(mishap)}`;
}

const pick = fc.nat(1000);

function at<T>(items: readonly T[], number: number): T | undefined {
  return items[number % Math.max(1, items.length)];
}

const addNode = fc.tuple(pick, fc.subarray([...ROLES], { minLength: 1 }), fc.boolean()).map(([number, roles, isFirst]): Edit => ({
  what: `add a node (${number}) with ${roles.join('+')}${isFirst ? ' in front' : ''}`,
  apply: (wish) => {
    const machine = at(
      MACHINES.filter(({ name }) => !wish.nodes.some((node) => node.name === name)),
      number,
    );
    if (machine === undefined) return wish;
    const node = nodeOf(machine.name, roles);
    return { ...wish, nodes: isFirst ? [node, ...wish.nodes] : [...wish.nodes, node] };
  },
}));

const removeNode = pick.map((number): Edit => ({
  what: `remove node ${number}`,
  apply: (wish) => {
    const leaving = at(wish.nodes, number);
    return wish.nodes.length < 2 ? wish : { ...wish, nodes: wish.nodes.filter((node) => node !== leaving) };
  },
}));

const turnNodes = fc.constant<Edit>({ what: 'reverse nodes', apply: (wish) => ({ ...wish, nodes: [...wish.nodes].reverse() }) });

const toggleRole = fc.tuple(pick, fc.constantFrom(...ROLES)).map(([number, role]): Edit => ({
  what: `toggle ${role} on node ${number}`,
  apply: (wish) => {
    const chosen = at(wish.nodes, number);
    const toggled = (roles: readonly string[]): readonly string[] => {
      const other = roles.includes(role) ? roles.filter((one) => one !== role) : [...roles, role];
      return other.length === 0 ? roles : other;
    };
    return { ...wish, nodes: wish.nodes.map((node) => (node === chosen ? { ...node, roles: toggled(node.roles) } : node)) };
  },
}));

const setVariable = fc
  .constantFrom(['note', 'hello'], ['note', 'goodbye'], ['root', '/srv/sample'], ['root', '/opt/sample'], ['registry', 'other.example'])
  .map(([name = '', value = '']): Edit => ({
    what: `${name}=${value}`,
    apply: (wish) => ({ ...wish, variables: { ...wish.variables, [name]: value } }),
  }));

const setCluster = fc.constantFrom<Edit>(
  { what: 'name=other', apply: (wish) => ({ ...wish, name: 'other' }) },
  { what: 'podCIDR=10.30.0.0/16', apply: (wish) => ({ ...wish, podCIDR: '10.30.0.0/16' }) },
);

function released(what: string, change: (release: Release) => Partial<Release>): Edit {
  return {
    what,
    apply: (wish) => ({ ...wish, release: { ...wish.release, ...change(wish.release) } }),
  };
}

const release = fc.oneof(
  fc.constantFrom(...IMAGES).map((image) =>
    released(`another ${image}`, ({ otherImages }) => ({
      otherImages: otherImages.includes(image) ? otherImages.filter((one) => one !== image) : [...otherImages, image],
    })),
  ),
  fc.constantFrom(
    released('another store.conf', ({ storeConf }) => ({ storeConf: 3 - storeConf })),
    released('another daemon.json', ({ daemon }) => ({ daemon: 3 - daemon })),
    released('logs', ({ hasLogs }) => ({ hasLogs: !hasLogs })),
    released('another version', ({ version }) => ({ version: 3 - version })),
  ),
  fc.constantFrom('none' as const, 'cache' as const, 'buffer' as const).map((extra) => released(`extra=${extra}`, () => ({ extra }))),
);

const edit = fc.oneof(
  { weight: 4, arbitrary: addNode },
  { weight: 3, arbitrary: removeNode },
  { weight: 2, arbitrary: turnNodes },
  { weight: 5, arbitrary: toggleRole },
  { weight: 3, arbitrary: setVariable },
  { weight: 1, arbitrary: setCluster },
  { weight: 6, arbitrary: release },
);

const kill = fc.record({ at: fc.integer({ min: 1, max: 300 }), carriedOut: fc.boolean() });
const perhapsKilled = fc.option(kill, { nil: undefined });

const mishap: fc.Arbitrary<Mishap> = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Mishap>({ what: 'nothing' }) },
  { weight: 6, arbitrary: fc.tuple(kill, fc.boolean()).map(([killed, runsAgain]): Mishap => ({ what: 'kill', ...killed, runsAgain })) },
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constantFrom(
        'record lost' as const,
        'keys lost' as const,
        'secrets lost' as const,
        'other seed' as const,
        'seed lost' as const,
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constant('changed by hand' as const),
      how: fc.constantFrom('write' as const, 'remove' as const, 'mode' as const, 'image' as const, 'unit' as const),
      which: pick,
    }),
  },
  { weight: 3, arbitrary: fc.record({ what: fc.constantFrom('rolled back' as const, 'reset' as const), kill: perhapsKilled }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('renewed' as const), which: pick, kill: perhapsKilled }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('replaced' as const), which: pick, purge: fc.boolean(), kill: perhapsKilled }) },
);

/** Failure reports list turns by their descriptions. */
const turn = fc
  .record({ edits: fc.array(edit, { maxLength: 2 }), by: fc.constantFrom('file' as const, 'commands' as const), mishap })
  .map((made): Turn & { readonly [fc.toStringMethod]: () => string } => ({ ...made, [fc.toStringMethod]: () => describeTurn(made) }));

/** The turns of an operator during the life of a cluster. */
export const turns: fc.Arbitrary<readonly Turn[]> = fc.array(turn, { minLength: 1, maxLength: 6 });
