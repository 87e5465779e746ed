import { describe, expect, it } from 'vitest';
import { addNode, removeNode, setAddress, setRoles, type NewNode } from '../../src/cluster/index.ts';
import { InvalidInputError } from '../../src/core/index.ts';
import { readYaml } from '../../src/io/index.ts';
import fc from '../support/fast-check.ts';

const FILE = 'cluster.yaml';
const NEW: NewNode = { name: 'new', address: '10.9.9.9', roles: ['compute'] };

function nodesOf(text: string): readonly { name: string; address: string; roles: string[]; ssh?: object }[] {
  return (readYaml(text, FILE).value as { nodes: { name: string; address: string; roles: string[] }[] }).nodes;
}

function lines(...all: readonly string[]): string {
  return `${all.join('\n')}\n`;
}

function problemOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof InvalidInputError) return error.message.split('\n').slice(1).join('\n').trim();
    throw error;
  }
  return 'no problem';
}

describe('addNode', () => {
  it('writes a flow map below flow maps, and leaves every comment where it is', () => {
    const before = lines('nodes: # hosts', '  - { name: m1, address: 10.0.0.1, roles: [manage] } # first', '# Networks', 'network: {}');
    expect(addNode(before, FILE, NEW)).toBe(
      lines(
        'nodes: # hosts',
        '  - { name: m1, address: 10.0.0.1, roles: [manage] } # first',
        '  - { name: new, address: 10.9.9.9, roles: [compute] }',
        '# Networks',
        'network: {}',
      ),
    );
  });

  it('writes a block below blocks, with their indentation and blank lines, and below what is commented out in the last', () => {
    const block = (name: string, address: string, ...more: readonly string[]): readonly string[] => [
      `-   name: ${name}`,
      `    address: ${address}`,
      '    roles:',
      '      - compute',
      ...more,
    ];
    const before = lines('nodes:', ...block('a', '10.0.0.1'), '', ...block('b', '10.0.0.2', '    # ssh: {}'), '', 'name: x');
    expect(addNode(before, FILE, NEW)).toBe(
      lines(
        'nodes:',
        ...block('a', '10.0.0.1'),
        '',
        ...block('b', '10.0.0.2', '    # ssh: {}'),
        '',
        ...block('new', '10.9.9.9'),
        '',
        'name: x',
      ),
    );
  });

  it.each([
    [
      'nodes: [{ name: a, address: 10.0.0.1 }]\n',
      'nodes: [{ name: a, address: 10.0.0.1 }, { name: new, address: 10.9.9.9, roles: [compute] }]\n',
    ],
    ['nodes: []\n', 'nodes: [{ name: new, address: 10.9.9.9, roles: [compute] }]\n'],
    ['nodes: [\n  { name: a }, # a\n]', 'nodes: [\n  { name: a }, # a\n  { name: new, address: 10.9.9.9, roles: [compute] },\n]'],
    ['nodes: [\n  { name: a } # a\n]', 'nodes: [\n  { name: a }, # a\n  { name: new, address: 10.9.9.9, roles: [compute] }\n]'],
    ['nodes:\r\n- {name: a}', 'nodes:\r\n- {name: a}\r\n- { name: new, address: 10.9.9.9, roles: [compute] }'],
  ])('edits %j', (before, after) => {
    expect(addNode(before, FILE, NEW)).toBe(after);
  });

  it('writes the login of the node where there is one, quoting what would be read as something else', () => {
    const ssh = { user: 'true', port: 2222, hostKey: `SHA256:${'A'.repeat(43)}` };
    const after = addNode('nodes:\n  - { name: a }\n', FILE, { name: '1', address: 'fd00::', roles: ['compute'], ssh });
    expect(after).toContain(
      `  - { name: "1", address: "fd00::", roles: [compute], ssh: { user: "true", port: 2222, hostKey: SHA256:${'A'.repeat(43)} } }\n`,
    );
    expect(nodesOf(after)[1]).toEqual({ name: '1', address: 'fd00::', roles: ['compute'], ssh });
  });

  it.each([
    [
      'nodes:\n  - { name: new }\n',
      `${FILE}:2:13: nodes[0].name: the cluster has a node "new" already, with no address and no roles (take another name; for other roles: caisson node roles new)`,
    ],
    [
      'nodes:\n  - { name: a, address: 10.9.9.9 }\n',
      `${FILE}:2:25: nodes[0].address: the node "a" has the address "10.9.9.9" already (give the address of another machine)`,
    ],
    ['name: x\n', `${FILE}:1:1: nodes: is not a list of nodes (manifests/examples/cluster.yaml has one)`],
    ['nodes: {\n', expect.stringContaining('is not valid YAML')],
    ['other: &x [{ name: a }]\nnodes: *x\n', expect.stringContaining('nodes: is not a list (write it as a list)')],
  ])('refuses %j', (before, problem) => {
    expect(problemOf(() => addNode(before, FILE, NEW))).toEqual(problem);
  });

  it('leaves a node that is there as it is when all that is asked for is there', () => {
    const before = 'nodes:\n  - { name: new, address: 10.9.9.9, roles: [manage, compute], ssh: { port: 22 } }\n';
    expect(addNode(before, FILE, { ...NEW, roles: ['compute', 'manage'], ssh: { port: 22 } })).toBe(before);
    for (const other of [{ roles: ['compute'] }, { address: '10.9.9.8' }, { ssh: { port: 23 } }]) {
      expect(problemOf(() => addNode(before, FILE, { ...NEW, roles: ['manage', 'compute'], ...other }))).toContain(
        'already, with 10.9.9.9',
      );
    }
  });

  it('takes an address in another notation for the same', () => {
    const problem = problemOf(() => addNode('nodes: [{ name: a, address: "fd00:0::1" }]', FILE, { ...NEW, address: 'fd00::1' }));
    expect(problem).toContain('the node "a" has the address "fd00::1" already');
  });
});

describe('removeNode', () => {
  it('takes the comments on its lines and directly above them along, and no other', () => {
    const before = lines(
      'nodes:',
      '  # of the first',
      '  - name: a # one',
      '    roles: [compute]',
      '    # ssh: {}',
      '  # far from all',
      '',
      '  # of the second',
      '  # and more',
      '  - { name: b } # two',
      '  # of the third',
      '  - { name: c }',
    );
    expect(removeNode(before, FILE, 'b')).toBe(
      lines(
        'nodes:',
        '  # of the first',
        '  - name: a # one',
        '    roles: [compute]',
        '    # ssh: {}',
        '  # far from all',
        '  # of the third',
        '  - { name: c }',
      ),
    );
    expect(removeNode(before, FILE, 'a')).toBe(
      lines(
        'nodes:',
        '  # far from all',
        '',
        '  # of the second',
        '  # and more',
        '  - { name: b } # two',
        '  # of the third',
        '  - { name: c }',
      ),
    );
  });

  it.each([
    ['nodes:\n  - { name: a }\n\n  - { name: b }', 'a', 'nodes:\n  - { name: b }'],
    ['nodes:\n  - { name: a }\n\n  - { name: b }', 'b', 'nodes:\n  - { name: a }'],
    ['nodes: # all\n  - { name: a }\nname: x\n', 'a', 'nodes: [] # all\nname: x\n'],
    ['nodes: [ { name: a } ]\n', 'a', 'nodes: []\n'],
    ['nodes: [{ name: a }, { name: b }]\n', 'a', 'nodes: [{ name: b }]\n'],
    ['nodes: [{ name: a }, { name: b }]\n', 'b', 'nodes: [{ name: a }]\n'],
    ['nodes: [{ name: a }, { name: b },]\n', 'b', 'nodes: [{ name: a },]\n'],
    ['nodes: [\n  { name: a },\n  # of b\n  { name: b } # b\n]\n', 'b', 'nodes: [\n  { name: a }\n]\n'],
    ['nodes: [\n  { name: a }, # a\n  { name: b } ]\n', 'b', 'nodes: [\n  { name: a } # a\n   ]\n'],
  ])('of %j takes %s', (before, name, after) => {
    expect(removeNode(before, FILE, name)).toBe(after);
  });

  it('names the node that was meant when there is none of this name', () => {
    const problem = problemOf(() => removeNode('nodes:\n  - { name: c1 }\n  - { name: m1 }\n', FILE, 'm11'));
    expect(problem).toBe(`${FILE}:2:3: nodes: there is no node "m11" (did you mean "m1"?)`);
  });

  it('refuses to take an anchor away that another place uses', () => {
    const before = 'nodes:\n  - { name: a, roles: &r [compute] }\n  - { name: b, roles: *r }\n';
    expect(problemOf(() => removeNode(before, FILE, 'a'))).toContain(
      'is written in a way that a command cannot edit (edit it by hand, then run: caisson install --offline)',
    );
  });
});

describe('setRoles', () => {
  it.each([
    ['nodes: [{ name: a, roles: [x, y] }]\n', 'nodes: [{ name: a, roles: [y, z] }]\n'],
    ['nodes:\n- name: a\n  roles: [\'x\', "y",] # why\n', 'nodes:\n- name: a\n  roles: ["y", z,] # why\n'],
    [
      'nodes:\n  - name: a\n    roles:\n      - x # gone\n      # stays\n      - y\n    ssh: {}\n',
      'nodes:\n  - name: a\n    roles:\n      # stays\n      - y\n      - z\n    ssh: {}\n',
    ],
    ['nodes:\n  - name: a\n    # nothing yet\n', 'nodes:\n  - name: a\n    roles: [y, z]\n    # nothing yet\n'],
    ['nodes: [{ name: a, roles: [q] }]\n', 'nodes: [{ name: a, roles: [y, z] }]\n'],
  ])('edits %j', (before, after) => {
    expect(setRoles(before, FILE, 'a', ['y', 'z'])).toBe(after);
  });

  it('refuses a node that is not there', () => {
    expect(problemOf(() => setRoles('nodes: [{ name: a }]', FILE, 'b', ['x']))).toContain('there is no node "b"');
  });
});

describe('setAddress', () => {
  const key = `SHA256:${'B'.repeat(43)}`;

  it.each([
    ['nodes: [{ name: a, address: 10.0.0.1 }]\n', `nodes: [{ name: a, address: 10.0.0.2, ssh: { hostKey: ${key} } }]\n`],
    [
      'nodes:\n  - name: a\n    address: "10.0.0.1" # old\n    ssh:\n      user: u\n      hostKey: SHA256:x # of it\n',
      `nodes:\n  - name: a\n    address: "10.0.0.2" # old\n    ssh:\n      user: u\n      hostKey: ${key} # of it\n`,
    ],
    [
      'nodes:\n  - name: a\n    address: 10.0.0.1\n    ssh: { user: u }\n',
      `nodes:\n  - name: a\n    address: 10.0.0.2\n    ssh: { user: u, hostKey: ${key} }\n`,
    ],
  ])('edits %j', (before, after) => {
    expect(setAddress(before, FILE, 'a', { address: '10.0.0.2', ssh: { hostKey: key } })).toBe(after);
  });

  it('leaves the fingerprint that is there when none is given, and refuses the address of another node', () => {
    const before = 'nodes: [{ name: a, address: 10.0.0.1, ssh: { hostKey: x } }, { name: b, address: 10.0.0.2 }]\n';
    expect(setAddress(before, FILE, 'a', { address: '10.0.0.3' })).toBe(before.replace('10.0.0.1', '10.0.0.3'));
    expect(setAddress(before, FILE, 'a', { address: '10.0.0.1' })).toBe(before);
    expect(problemOf(() => setAddress(before, FILE, 'a', { address: '10.0.0.2' }))).toContain(
      'the node "b" has the address "10.0.0.2" already',
    );
  });
});

describe('any cluster.yaml', () => {
  interface Layout {
    readonly text: string;
    /** Lines that go with each node, its comments included. */
    readonly own: readonly (readonly string[])[];
  }

  const comment = fc.constantFrom('# a comment', '#', '# - { name: not, address: one }', '#: [ { }', '# "');
  const behind = fc.option(comment, { nil: undefined, freq: 3 });
  const roles = fc.uniqueArray(fc.constantFrom('manage', 'compute', 'gateway', 'storage'), { minLength: 1, maxLength: 3 });
  const quote = fc.constantFrom(
    (word: string) => word,
    (word: string) => `"${word}"`,
    (word: string) => `'${word}'`,
  );
  const item = fc.record({
    isBlock: fc.boolean(),
    roles,
    isRolesBlock: fc.boolean(),
    quote,
    above: fc.array(comment, { maxLength: 2 }),
    behind,
    inside: behind,
    login: fc.boolean(),
    isSpaced: fc.boolean(),
  });
  type Item = typeof item extends fc.Arbitrary<infer T> ? T : never;

  function flowOf(one: Item, index: number): string {
    const login = one.login ? ', ssh: { port: 22, user: "u" }' : '';
    return `{ name: ${one.quote(`n${index}`)}, address: 10.0.0.${index + 1}, roles: [${one.roles.map(one.quote).join(', ')}]${login} }`;
  }

  function itemLines(one: Item, index: number, indent: string, nested: string): string[] {
    const note = one.behind === undefined ? '' : ` ${one.behind}`;
    const above = one.above.map((text) => `${indent}${text}`);
    if (!one.isBlock) return [...above, `${indent}- ${flowOf(one, index)}${note}`];
    const listed = one.isRolesBlock
      ? [`roles:${note}`, ...one.roles.map((role) => `${nested}- ${one.quote(role)}`)]
      : [`roles: [${one.roles.join(', ')}]${note}`];
    const keys = [
      `name: ${one.quote(`n${index}`)}${note}`,
      ...(one.inside === undefined ? [] : [one.inside]),
      `address: 10.0.0.${index + 1}`,
      ...listed,
      ...(one.login ? ['ssh:', `${nested}user: u`, `${nested}port: 22${note}`] : []),
    ];
    return [...above, ...keys.map((line, place) => `${indent}${place === 0 ? '- ' : '  '}${line}`)];
  }

  const block: fc.Arbitrary<Layout> = fc
    .record({
      items: fc.array(item, { minLength: 1, maxLength: 4 }),
      indent: fc.constantFrom('', '  ', '    '),
      nested: fc.constantFrom('  ', '    '),
      note: behind,
      after: fc.array(fc.constantFrom('', '# Networks', 'network: { podCIDR: 10.20.0.0/16 }'), { maxLength: 1 }),
      eol: fc.constantFrom('\n', '\r\n'),
      isEnded: fc.boolean(),
    })
    .map(({ items, indent, nested, note, after, eol, isEnded }) => {
      const own = items.map((one, index) => itemLines(one, index, indent, nested));
      const body = own.flatMap((all, index) => [...(index > 0 && items[index]?.isSpaced === true ? [''] : []), ...all]);
      const all = ['name: prod', '', `nodes:${note === undefined ? '' : ` ${note}`}`, ...body, ...after];
      return { text: all.join(eol) + (isEnded ? eol : ''), own };
    });

  const flow: fc.Arbitrary<Layout> = fc
    .record({
      items: fc.array(item, { minLength: 1, maxLength: 4 }),
      isTall: fc.boolean(),
      comma: fc.constantFrom('', ','),
      close: fc.constantFrom('\n', ' '),
    })
    .map(({ items, isTall, comma, close }) => {
      if (!isTall) return { text: `nodes: [${items.map(flowOf).join(', ')}${comma}] # end\nname: prod\n`, own: [] };
      const own = items.map((one, index) => {
        const isLast = index === items.length - 1;
        const note = one.behind === undefined || (isLast && close === ' ') ? '' : ` ${one.behind}`;
        return [...one.above.map((text) => `  ${text}`), `  ${flowOf(one, index)}${isLast ? comma : ','}${note}`];
      });
      return { text: `nodes: [\n${own.flat().join('\n')}${close}]\nname: prod\n`, own: [] };
    });

  const cluster = fc.oneof(block, flow);
  const entry = fc.record({ name: fc.constantFrom('new', '0x1', 'n'), address: fc.constantFrom('10.9.9.9', 'fd00::1'), roles });
  const rest = (text: string): unknown => ({ ...(readYaml(text, FILE).value as object), nodes: undefined });
  const full = (text: string): readonly string[] => text.split(/\r?\n/).filter((line) => line.trim() !== '');

  it('gets the node and keeps all else, and is the same again when the node is removed', () => {
    fc.assert(
      fc.property(cluster, entry, ({ text }, node) => {
        const after = addNode(text, FILE, node);
        expect(nodesOf(after)).toEqual([...nodesOf(text), node]);
        expect(rest(after)).toEqual(rest(text));
        expect(removeNode(after, FILE, node.name)).toBe(text);
      }),
      { numRuns: 150 },
    );
  });

  it('loses a node with its own lines and nothing else', () => {
    fc.assert(
      fc.property(cluster, fc.nat(3), ({ text, own }, pick) => {
        const index = pick % nodesOf(text).length;
        const after = removeNode(text, FILE, `n${index}`);
        expect(nodesOf(after)).toEqual(nodesOf(text).filter((_, place) => place !== index));
        expect(rest(after)).toEqual(rest(text));
        if (own.length < 2) return;
        const start = full(text).length - full(text).slice(full(text).findIndex((line) => line.startsWith('nodes:')) + 1).length;
        const before = own.slice(0, index).flat().length + start;
        expect(full(after)).toEqual([...full(text).slice(0, before), ...full(text).slice(before + (own[index]?.length ?? 0))]);
      }),
      { numRuns: 150 },
    );
  });

  it('gets other roles of a node and keeps all else', () => {
    fc.assert(
      fc.property(cluster, fc.nat(3), roles, ({ text }, pick, wanted) => {
        const index = pick % nodesOf(text).length;
        const after = setRoles(text, FILE, `n${index}`, wanted);
        const kept = nodesOf(text)[index]?.roles.filter((role) => wanted.some((one) => one === role)) ?? [];
        const expected = [...kept, ...wanted.filter((role) => !kept.includes(role))];
        expect(nodesOf(after)).toEqual(nodesOf(text).map((node, place) => (place === index ? { ...node, roles: expected } : node)));
        expect(rest(after)).toEqual(rest(text));
      }),
      { numRuns: 150 },
    );
  });
});
