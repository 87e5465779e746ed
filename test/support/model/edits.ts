import { placed } from './verbs.ts';
import { IMAGES, MACHINES, nodeOf, ROLES, type Release, type Wish } from './wish.ts';
import fc from '../fast-check.ts';

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
  /**
   * A node is taken down before the edits and brought up after them. Each command is run again when it is killed; `goesUp` is true
   * where a killed command to take it down is followed by the one that brings it up.
   */
  | {
      readonly what: 'node down';
      readonly which: number;
      readonly meanwhile: 'edits' | 'reboot' | 'record lost' | 'seed lost' | 'replaced';
      readonly kill: Kill | undefined;
      readonly goesUp: boolean;
      readonly killUp: Kill | undefined;
    }
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
  /** True when components that a command moves begin without their data. */
  readonly beginEmpty: boolean;
  readonly mishap: Mishap;
}

/** The first install of a cluster: of two nodes from a file, or of one by `init`, which is run again when it is killed. */
export type Begin =
  { readonly by: 'install' } | { readonly by: 'init'; readonly roles: readonly string[]; readonly kill: Kill | undefined };

export function describeTurn({ edits, by, beginEmpty, mishap }: Turn): string {
  return `${edits.map(({ what }) => what).join(', ') || 'no edit'} by ${by}${beginEmpty ? ', beginning empty' : ''}; ${JSON.stringify(mishap)}`;
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
    if (wish.nodes.length < 2) return wish;
    const place = Object.fromEntries(Object.entries(wish.place).filter(([, host]) => host !== leaving?.name));
    return { ...wish, place, nodes: wish.nodes.filter((node) => node !== leaving) };
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

/** A single component goes to another node, which gets a role for it. */
const move = fc.tuple(pick, fc.constantFrom('store', 'beat')).map(([number, component]): Edit => ({
  what: `${component} to node ${number}`,
  apply: (wish) => {
    const to = at(wish.nodes, number);
    if (to === undefined) return wish;
    const allows = component === 'store' ? ['manage'] : ['front', 'plain'];
    const roles = to.roles.some((role) => allows.includes(role)) ? to.roles : [...to.roles, ...allows.slice(-1)];
    const nodes = wish.nodes.map((node) => (node === to ? { ...node, roles } : node));
    return { ...wish, nodes, place: placed(wish.place, component, to.name) };
  },
}));

const unplace = fc.constantFrom('store', 'beat').map((component): Edit => ({
  what: `no place for ${component}`,
  apply: (wish) => ({ ...wish, place: placed(wish.place, component, undefined) }),
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
  { weight: 5, arbitrary: move },
  { weight: 1, arbitrary: unplace },
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
  {
    weight: 5,
    arbitrary: fc.record({
      what: fc.constant('node down' as const),
      which: pick,
      meanwhile: fc.constantFrom('edits' as const, 'reboot' as const, 'record lost' as const, 'seed lost' as const, 'replaced' as const),
      kill: perhapsKilled,
      goesUp: fc.boolean(),
      killUp: perhapsKilled,
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('renewed' as const), which: pick, kill: perhapsKilled }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('replaced' as const), which: pick, purge: fc.boolean(), kill: perhapsKilled }) },
);

/** Failure reports list turns by their descriptions. */
const turn = fc
  .record({
    edits: fc.array(edit, { maxLength: 2 }),
    by: fc.constantFrom('file' as const, 'commands' as const),
    beginEmpty: fc.boolean(),
    mishap,
  })
  .map((made): Turn & { readonly [fc.toStringMethod]: () => string } => ({ ...made, [fc.toStringMethod]: () => describeTurn(made) }));

const begin: fc.Arbitrary<Begin> = fc.oneof(
  fc.constant<Begin>({ by: 'install' }),
  fc.record({
    by: fc.constant('init' as const),
    roles: fc.subarray([...ROLES], { minLength: 1 }),
    kill: perhapsKilled,
  }),
);

/** The first install of a cluster, and the turns of its operator after that. */
export const life: fc.Arbitrary<{ readonly begin: Begin; readonly turns: readonly Turn[] }> = fc.record({
  begin,
  turns: fc.array(turn, { minLength: 1, maxLength: 6 }),
});
