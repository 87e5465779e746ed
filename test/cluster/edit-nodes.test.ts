import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { addNode, removeNode, setRoles } from '../../src/cluster/index.ts';

const BLOCK = `# The site in hall 3.
apiVersion: caisson/v1
kind: Cluster
name: "sample"   # quoted on purpose
nodes:
  # The seed.
  - { name: m1, address: 10.0.0.11, roles: [manage] }  # rack 1

  - name: g1
    address: 10.0.0.12
    roles:
      - gateway
      - manage
    # its key was read from the console
    ssh: { user: site }
  - { name: c1, address: 10.0.0.13, roles: [ compute ] }
network: { podCIDR: 10.20.0.0/16 }
`;
const FLOW = `apiVersion: caisson/v1
kind: Cluster
name: sample
nodes: [ { name: m1, address: 10.0.0.11, roles: [manage] }, { name: c1, address: 10.0.0.13, roles: [compute] } ] # all
`;
const C2 = { name: 'c2', address: '10.0.0.14', roles: ['compute', 'gateway'] };
const FILE = 'cluster.yaml';

function linesOf(text: string): readonly string[] {
  return text.split('\n');
}

describe('addNode', () => {
  it('adds a line like its neighbours and changes no other', () => {
    const added = '  - { name: c2, address: 10.0.0.14, roles: [compute, gateway] }';
    const lines = linesOf(addNode(BLOCK, FILE, C2));
    expect(lines).toEqual(linesOf(BLOCK).flatMap((line) => (line.includes('name: c1') ? [line, added] : [line])));
  });

  it('adds to a list on one line', () => {
    expect(addNode(FLOW, FILE, C2)).toBe(
      FLOW.replace('roles: [compute] } ]', 'roles: [compute] }, { name: c2, address: 10.0.0.14, roles: [compute, gateway] } ]'),
    );
  });

  it('adds after a node that is written over several lines, and at the end of a file without a last newline', () => {
    const text = BLOCK.replace(/ {2}- \{ name: c1.*\nnetwork.*\n$/, '').trimEnd();
    expect(addNode(text, FILE, C2)).toBe(`${text}\n  - { name: c2, address: 10.0.0.14, roles: [compute, gateway] }`);
  });

  it('writes how to log in, and quotes what YAML would read as something else', () => {
    const node = { ...C2, address: 'fd00::14', ssh: { user: 'site', port: 2222, hostKey: `SHA256:${'a'.repeat(43)}` } };
    const added = addNode(BLOCK, FILE, node);
    expect(added).toContain(
      `- { name: c2, address: "fd00::14", roles: [compute, gateway], ssh: { user: site, port: 2222, hostKey: "SHA256:`,
    );
    expect(parse(added)).toMatchObject({ nodes: expect.arrayContaining([node]) });
  });

  it('leaves a node that is there as it is, and refuses another with its name or its address', () => {
    expect(addNode(addNode(BLOCK, FILE, C2), FILE, { ...C2, roles: ['gateway', 'compute'] })).toBe(addNode(BLOCK, FILE, C2));
    expect(() => addNode(BLOCK, FILE, { ...C2, name: 'c1' })).toThrow(/"c1" is there already, with address 10.0.0.13 and roles compute/);
    expect(() => addNode(BLOCK, FILE, { ...C2, address: '10.0.0.13' })).toThrow(/"c1" has the address 10.0.0.13/);
    expect(() => addNode(BLOCK, FILE, { ...C2, address: 'nonsense!' })).toThrow(/address/);
  });
});

describe('removeNode', () => {
  it('removes the lines of a node with the comment on them and directly above them', () => {
    expect(linesOf(removeNode(BLOCK, FILE, 'm1'))).toEqual(linesOf(BLOCK).filter((line) => !/seed\.|name: m1/.test(line)));
    const without = removeNode(BLOCK, FILE, 'g1');
    expect(without).not.toMatch(/g1|10\.0\.0\.12|console|user: site/);
    expect(without).toContain('# rack 1\n\n  - { name: c1');
  });

  it.each(['m1', 'c1'])('removes %s from a list on one line', (name) => {
    const left = name === 'm1' ? 'c1' : 'm1';
    const text = removeNode(FLOW, FILE, name);
    expect(parse(text)).toMatchObject({ nodes: [{ name: left }] });
    expect(text).toContain('] # all');
  });

  it('leaves the text as it is for a name that is not there, and refuses to remove the last node', () => {
    expect(removeNode(BLOCK, FILE, 'x9')).toBe(BLOCK);
    const one = removeNode(FLOW, FILE, 'c1');
    expect(() => removeNode(one, FILE, 'm1')).toThrow(/"m1" is the only node/);
  });
});

describe('setRoles', () => {
  it('changes the roles alone, on one line and over several', () => {
    expect(setRoles(BLOCK, FILE, 'c1', ['compute', 'gateway'])).toBe(BLOCK.replace('[ compute ]', '[compute, gateway]'));
    expect(setRoles(BLOCK, FILE, 'g1', ['gateway'])).toBe(BLOCK.replace('roles:\n      - gateway\n      - manage', 'roles: [gateway]'));
    expect(setRoles(BLOCK, FILE, 'g1', ['manage', 'gateway'])).toBe(BLOCK);
  });

  it('refuses a node that is not there', () => {
    expect(() => setRoles(BLOCK, FILE, 'c9', ['compute'])).toThrow(/no node "c9"; it has m1, g1, c1/);
  });
});

it('an added node that is removed again gives the text before, whatever the text', () => {
  const spaces = fc.nat({ max: 4 }).map((count) => ' '.repeat(count));
  const comment = fc.constantFrom('', ' # a note', '  # - { name: c2 }');
  const item = fc.constantFrom(
    (name: string, address: string, indent: string) => `${indent}- { name: ${name}, address: ${address}, roles: [compute] }`,
    (name: string, address: string, indent: string) =>
      `${indent}- name: ${name}\n${indent}  roles: [compute]\n${indent}  address: ${address}`,
    (name: string, address: string, indent: string) => `${indent}- { roles: [compute],\n${indent}    address: ${address}, name: ${name} }`,
  );
  fc.assert(
    fc.property(
      spaces,
      fc.array(fc.tuple(item, comment), { minLength: 1, maxLength: 5 }),
      comment,
      fc.boolean(),
      (indent, items, head, ends) => {
        const nodes = items.map(([write, note], index) => `${write(`n${index}`, `10.1.0.${index + 1}`, indent)}${note}`);
        const tail = ends ? '\nnetwork: { podCIDR: 10.20.0.0/16 }\n' : '\n';
        const text = `apiVersion: caisson/v1\nkind: Cluster\nname: sample\nnodes:${head}\n${nodes.join('\n')}${tail}`;
        const added = addNode(text, FILE, C2);
        expect(parse(added)).toMatchObject({ nodes: expect.arrayContaining([C2]) });
        expect(removeNode(added, FILE, 'c2')).toBe(text);
      },
    ),
  );
});
