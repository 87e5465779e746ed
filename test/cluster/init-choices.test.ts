import { describe, expect, it } from 'vitest';
import { addNode, newClusterText, parseClusterSpec, readInitChoices, setChoice, type TypedChoices } from '../../src/cluster/index.ts';
import { loadManifests, type PlatformManifest } from '../../src/manifests/index.ts';
import { memoryTree } from '../support/memory-tree.ts';
import { shippedManifests } from '../support/sample-install.ts';

const NOTHING: TypedChoices = { options: [], values: [], flags: [] };

/** The platform that this repository ships. */
async function shipped(): Promise<PlatformManifest> {
  return (await loadManifests(memoryTree((await shippedManifests()).manifests))).platform;
}

async function read(typed: Partial<TypedChoices>) {
  const { choices, problems } = readInitChoices({ ...NOTHING, ...typed }, await shipped());
  return { choices, problems: problems.map(({ flag, reason, remedy }) => `${flag}: ${reason} (${remedy ?? ''})`) };
}

const flags = (...all: readonly (readonly [string, string?])[]): Partial<TypedChoices> => ({
  flags: all.map(([flag, text]) => ({ flag, text })),
});

describe('the words of the shipped platform', () => {
  it('for a moving address is its flag', async () => {
    expect(await read(flags(['vip', '10.0.0.100']))).toEqual({
      choices: [{ option: 'vip', choice: 'keepalived', values: { address: '10.0.0.100' } }],
      problems: [],
    });
  });

  it('for shared storage are those of a line in fstab', async () => {
    expect(
      await read(flags(['storage-args', '10.0.0.5:/export /grdata nfs vers=3 0 0'], ['storage', 'nas'], ['network', 'calico'])),
    ).toEqual({
      choices: [
        { option: 'network', choice: 'calico', values: {} },
        { option: 'storage', choice: 'nas', values: { server: '10.0.0.5', path: '/export', options: 'vers=3' } },
      ],
      problems: [],
    });
    const gfs = 'a.example:/data /grdata glusterfs backupvolfile-server=b.example,c.example 0 0';
    expect((await read(flags(['storage', 'gfs'], ['storage-args', gfs]))).choices).toEqual([
      { option: 'storage', choice: 'gfs', values: { servers: ['a.example', 'b.example', 'c.example'], volume: 'data' } },
    ]);
    expect(await read(flags(['storage', 'nfs'], ['storage-args', '/grdata nfs rw 0 0']))).toEqual({
      choices: [{ option: 'storage', choice: 'nfs', values: {} }],
      problems: [],
    });
  });

  it('for a database of the site choose it by its address', async () => {
    expect((await read(flags(['exdb-host', 'db.example'], ['exdb-port', '3307'], ['exdb-user', 'caisson']))).choices).toEqual([
      { option: 'database', choice: 'external', values: { host: 'db.example', port: 3307, user: 'caisson' } },
    ]);
  });

  it.each<[string, Partial<TypedChoices>, string]>([
    ['no text', flags(['storage']), '--storage: has nothing behind it (write --storage TEXT)'],
    ['an empty text', flags(['storage', '']), '--storage: has nothing behind it (write --storage TEXT)'],
    [
      'a line for no storage',
      flags(['storage-args', 'x']),
      '--storage-args: has no meaning for the choice "none" of storage (it is for: nfs, nas, gfs)',
    ],
    [
      'a line of another form',
      flags(['storage', 'nas'], ['storage-args', '10.0.0.5 /export']),
      '--storage-args: cannot be read for the choice "nas" (write it as: "SERVER:PATH /grdata nfs OPTIONS 0 0")',
    ],
    ['a password', flags(['exdb-passwd', 'x']), '--exdb-passwd: is not taken (write the password into a file of mode 0600'],
    ['an address', flags(['eip', '10.0.0.1']), '--eip: is not taken (leave it out'],
    [
      'two choices',
      { ...flags(['storage', 'nas']), options: [{ option: 'storage', choice: 'nfs' }] },
      '--storage: says "nas" of the choice for storage, and --option says "nfs" (keep one of them)',
    ],
    [
      'a flag twice',
      flags(['storage', 'nas'], ['storage', 'nfs']),
      '--storage: says "nfs" of the choice for storage, and before says "nas"',
    ],
    [
      'two values',
      { ...flags(['exdb-host', 'a']), values: [{ option: 'database', value: 'host', text: 'b' }] },
      '--exdb-host: says "a" of database.host, and --option-value says "b"',
    ],
    [
      'an option',
      { options: [{ option: 'storge', choice: 'nfs' }] },
      '--option: the platform has no option "storge" (did you mean "storage"?)',
    ],
    [
      'a value of an unknown option',
      { values: [{ option: 'storge', value: 'a', text: 'b' }] },
      '--option-value: the platform has no option "storge" (did you mean "storage"?)',
    ],
    [
      'an unknown value',
      { values: [{ option: 'storage', value: 'servr', text: 'b' }] },
      '--option-value: no choice of storage has a value "servr" (did you mean "server"?)',
    ],
  ])('are refused: %s', async (_what, typed, said) => {
    const { problems } = await read(typed);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(said);
  });

  it('say a choice twice where both say the same', async () => {
    const { problems } = await read({ ...flags(['storage', 'nfs']), options: [{ option: 'storage', choice: 'nfs' }] });
    expect(problems).toEqual([]);
  });
});

describe('a new cluster.yaml', () => {
  const NODE = { name: 'node1', address: '10.0.0.11', roles: ['a', 'b'] };

  it('says what was said alone, and the same each time', () => {
    const cluster = { name: 'x', depot: {}, network: {}, node: NODE, choices: [] };
    const text = newClusterText(cluster, []);
    expect(newClusterText(cluster, [])).toBe(text);
    expect(text.split('\n').filter((line) => line !== '' && !line.trim().startsWith('#'))).toEqual([
      'apiVersion: caisson/v1',
      'kind: Cluster',
      'name: x',
      'nodes:',
      '  - name: node1',
      '    address: 10.0.0.11',
      '    roles: [a, b]',
    ]);
  });

  it('is what the commands edit later', () => {
    const choices = [{ option: 'disks', choice: 'slow', values: {} }];
    const text = newClusterText({ name: 'x', depot: {}, network: {}, node: NODE, choices }, [
      { name: 'disks', summary: 'Disks', fixed: true },
    ]);
    expect(text).toContain('  # Disks. It cannot be changed once the cluster is installed.\n  disks: slow\n');
    const added = addNode(text, 'cluster.yaml', { name: 'c1', address: '10.0.0.12', roles: ['b'] });
    const changed = setChoice(added, 'cluster.yaml', { option: 'logs', choice: 'far', values: { server: 'a' } });
    expect(parseClusterSpec(changed, 'cluster.yaml')).toMatchObject({
      nodes: [NODE, { name: 'c1', address: '10.0.0.12', roles: ['b'] }],
      options: { disks: 'slow', logs: { choice: 'far', server: 'a' } },
    });
    expect(added).toContain('  - name: c1\n    address: 10.0.0.12\n    roles: [b]\n');
  });

  it.each(['a: b', '"', "it's", '# no', '- x', '{', 'ä\u0000', 'two\nlines'])(
    'quotes what would be read as something else: %j',
    (domain) => {
      const text = newClusterText({ name: 'x', domain, depot: {}, network: {}, node: NODE, choices: [] }, []);
      expect(() => parseClusterSpec(text, 'f')).toThrow(/domain: is not a DNS name/);
    },
  );
});
