import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseClusterSpec, type ClusterSpec } from '../../src/cluster/index.ts';
import { problemLines } from '../support/problem-lines.ts';

const HEAD = 'apiVersion: caisson/v1\nkind: Cluster\nname: prod\n';
const EXAMPLE = resolve(import.meta.dirname, '../../manifests/examples/cluster.yaml');

const KNOWN = {
  roles: new Map([
    ['manage', {}],
    ['compute', {}],
  ]),
  platform: { variables: { registry: 'registry.example' }, options: [] },
};

function linesOf(text: string, known?: typeof KNOWN): string[] {
  return problemLines(() => parseClusterSpec(text, 'cluster.yaml', known)).map((line) => line.replace('cluster.yaml:', ''));
}

describe('parseClusterSpec', () => {
  it('fills in every default', () => {
    const spec = parseClusterSpec(`${HEAD}nodes: [{ name: n1, address: 10.0.0.1, roles: [manage] }]\n`, 'cluster.yaml');
    expect(spec).toEqual({
      apiVersion: 'caisson/v1',
      kind: 'Cluster',
      name: 'prod',
      domain: 'apps.prod.internal',
      variables: {},
      ssh: { agent: true, config: false },
      depot: { name: 'depot.prod.internal', port: 5443, copies: 2 },
      certificates: { renewal: 'weekly' },
      nodes: [{ name: 'n1', address: '10.0.0.1', roles: ['manage'] }],
      place: {},
      network: { podCIDR: '10.20.0.0/16', serviceCIDR: '10.96.0.0/12' },
      options: {},
    } satisfies ClusterSpec);
  });

  it('loads the annotated example, which names every key', () => {
    const text = readFileSync(EXAMPLE, 'utf8');
    const spec = parseClusterSpec(text, EXAMPLE);
    expect(spec.nodes.map((node) => node.name)).toEqual(['m1', 'c1', 'c2']);
    for (const key of ['passphraseFile', 'passwordFile', 'sudoPasswordFile', 'hostKey', 'server', 'volume', 'servers', 'host', 'options']) {
      expect(text).toContain(key);
    }
    for (const section of [spec, spec.ssh, spec.depot, spec.network, spec.options]) {
      for (const key of Object.keys(section)) expect(text).toMatch(new RegExp(`\\b${key}:`));
    }
  });

  it('takes a backup section, and keeps 14 backups by default', () => {
    const spec = (backup: string): string => `${HEAD}nodes: [{ name: n1, address: 10.0.0.1, roles: [manage] }]\nbackup: ${backup}\n`;
    expect(parseClusterSpec(spec('{ directory: /srv/kept, recipients: [./a.asc] }'), 'cluster.yaml').backup).toEqual({
      directory: '/srv/kept',
      recipients: ['./a.asc'],
      keep: 14,
    });
    expect(linesOf(spec('{ directory: kept, recipients: [], keep: 0 }')).map((line) => line.replace(/^[\d:]+ /, ''))).toEqual([
      'backup.directory: is not an absolute path (begin it with /)',
      'backup.recipients: is empty, want at least one entry',
      expect.stringContaining('backup.keep'),
    ]);
    const scheduled = (text: string): readonly string[] =>
      linesOf(spec(`{ directory: /srv/kept, recipients: [./a.asc], schedule: "${text}" }`));
    for (const text of ['daily', '02:30', 'Mon..Fri *-*-* 02:30:00 Europe/Berlin', '*-*-1/2 04:00']) expect(scheduled(text)).toEqual([]);
    for (const text of ['dayly', '02:30%i', '02:30\\nUnit=x.service', '']) {
      expect(scheduled(text).join('\n')).toContain('backup.schedule: is not a time of systemd');
    }
  });

  it('reports what the schema and what the comparison finds together, in the order of the file', () => {
    const text = [
      'apiVersion: caisson/v1',
      'kind: Cluster',
      'name: Prod',
      'nodes:',
      '  - { name: m1, address: 10.0.0.11, roles: [manage], role: x }',
      '  - { name: m1, address: 10.0.0.11, roles: [manage, manage] }',
      '  - { name: c1, address: 10.20.3.4, roles: [compte] }',
      '  - { name: c2, address: 10.1, roles: [] }',
      'network: { podCIDR: 10.20.0.0/16, serviceCIDR: 10.16.0.0/12 }',
      'variables: { registri: x }',
      '',
    ].join('\n');
    expect(linesOf(text, KNOWN)).toEqual([
      '3:7: name: is not a name (use lower-case letters, digits and hyphens, at most 63, no hyphen at either end)',
      '5:54: nodes[0].role: unknown key (did you mean "roles"?)',
      '6:13: nodes[1].name: nodes[0] has the name "m1" too',
      '6:26: nodes[1].address: nodes[0] has the address "10.0.0.11" too',
      '6:53: nodes[1].roles[1]: "manage" is written twice',
      '7:26: nodes[2].address: 10.20.3.4 lies in network.podCIDR (10.20.0.0/16) (choose another network.podCIDR)',
      '7:26: nodes[2].address: 10.20.3.4 lies in network.serviceCIDR (10.16.0.0/12) (choose another network.serviceCIDR)',
      '7:45: nodes[2].roles[0]: there is no role "compte" (did you mean "compute"?)',
      '8:26: nodes[3].address: is a number (10.1), want text (put it in quotes: "10.1")',
      '8:39: nodes[3].roles: is empty, want at least one entry',
      '9:48: network.serviceCIDR: 10.16.0.0/12 overlaps podCIDR (10.20.0.0/16) (choose another network)',
      '10:14: variables.registri: the platform has no variable "registri" (did you mean "registry"?)',
    ]);
  });

  it.each([
    ['"10.1"', 'is not an IP address (write it as 10.0.0.11 or fd00::11)'],
    ['node1.example', 'is not an IP address (write it as 10.0.0.11 or fd00::11)'],
    ['10.0.0.256', 'is not an IP address (write it as 10.0.0.11 or fd00::11)'],
    ['"fe80::1%eth0"', 'is not an IP address (write it as 10.0.0.11 or fd00::11)'],
    ['010.0.0.1', 'is not an IP address (write it as 10.0.0.11 or fd00::11)'],
  ])('refuses %s as an address', (address, reason) => {
    expect(linesOf(`${HEAD}nodes: [{ name: n1, address: ${address}, roles: [a] }]\n`)).toEqual([`4:30: nodes[0].address: ${reason}`]);
  });

  it.each([
    ['0.0.0.0', 'is the address of no host'],
    ['"::"', 'is the address of no host'],
    ['127.0.0.1', 'is a loopback address, which every host takes for itself'],
    ['127.8.9.1', 'is a loopback address, which every host takes for itself'],
    ['"::1"', 'is a loopback address, which every host takes for itself'],
    ['"::ffff:127.0.0.1"', 'is a loopback address, which every host takes for itself'],
    ['224.0.0.1', 'is an address of many hosts'],
    ['"ff02::1"', 'is an address of many hosts'],
    ['255.255.255.255', 'is an address of many hosts'],
  ])('refuses %s as the address of a node and of the depot', (address, reason) => {
    const text = `${HEAD}nodes: [{ name: n1, address: ${address}, roles: [a] }]\ndepot: { address: ${address} }\n`;
    const remedy = '(write the address by which the other hosts reach it)';
    expect(linesOf(text)).toEqual([`4:30: nodes[0].address: ${reason} ${remedy}`, `5:19: depot.address: ${reason} ${remedy}`]);
  });

  it.each([
    ['10.20.0.0', 'is not a network (write it as 10.20.0.0/16)'],
    ['10.20.0.0/33', 'is not a network (the prefix length is at most 32)'],
    ['10.20.0.1/16', 'is not a network (bits are set behind the prefix, write it as 10.20.0.0/16)'],
    ['"fd00::1/64"', 'is not a network (bits are set behind the prefix, write it as fd00::/64)'],
  ])('refuses %s as a network', (cidr, reason) => {
    const text = `${HEAD}nodes: [{ name: n1, address: 10.0.0.1, roles: [a] }]\nnetwork: { podCIDR: ${cidr} }\n`;
    expect(linesOf(text)).toEqual([`5:21: network.podCIDR: ${reason}`]);
  });

  it('sees that two spellings are one IPv6 address', () => {
    const text = `${HEAD}nodes:\n  - { name: a, address: "fd00::1", roles: [a] }\n  - { name: b, address: "fd00:0:0::1", roles: [a] }\n`;
    expect(linesOf(text)).toEqual(['6:25: nodes[1].address: nodes[0] has the address "fd00::1" too']);
  });

  it('has no place for a password, and says where it goes', () => {
    const text = `${HEAD}ssh: { password: hunter2 }\nnodes: [{ name: n1, address: 10.0.0.1, roles: [a] }]\n`;
    expect(() => parseClusterSpec(text, 'cluster.yaml')).toThrow(
      expect.objectContaining({
        problems: [
          { path: 'ssh.password', position: { line: 4, column: 8 }, reason: 'unknown key', remedy: 'did you mean "passwordFile"?' },
        ],
      }),
    );
    expect(() => parseClusterSpec(text, 'cluster.yaml')).not.toThrow(/hunter2/);
  });

  it('takes jump hosts one by one or as a list, for all nodes or for one', () => {
    const text = `${HEAD}ssh: { jump: ops@bastion.example.com:2222 }
nodes:
  - { name: n1, address: 10.0.0.1, roles: [a] }
  - { name: n2, address: 10.0.0.2, roles: [a], ssh: { jump: [bastion, "root@[2001:db8::1]:22"] } }
  - { name: n3, address: 10.0.0.3, roles: [a], ssh: { jump: [] } }
`;
    const { ssh, nodes } = parseClusterSpec(text, 'cluster.yaml');
    expect([ssh.jump, ...nodes.map((node) => node.ssh?.jump)]).toEqual([
      'ops@bastion.example.com:2222',
      undefined,
      ['bastion', 'root@[2001:db8::1]:22'],
      [],
    ]);
  });

  it.each(['ops@', 'a b', '2001:db8::1', 'host:0', '-oProxyCommand=x', 'host:22:33', 'user@host/path'])(
    'refuses "%s" for a jump host',
    (jump) => {
      const text = `${HEAD}ssh: { jump: "${jump}" }\nnodes: [{ name: n1, address: 10.0.0.1, roles: [a] }]\n`;
      expect(linesOf(text)[0]).toContain('write user@host:port');
    },
  );

  it('wants the whole fingerprint of a host key', () => {
    const text = `${HEAD}nodes: [{ name: n1, address: 10.0.0.1, roles: [a], ssh: { hostKey: "SHA256:abc" } }]\n`;
    expect(linesOf(text)[0]).toContain('nodes[0].ssh.hostKey: is not a fingerprint (copy it from: ssh-keygen -lf');
  });
});
