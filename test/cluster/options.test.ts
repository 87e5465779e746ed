import { beforeAll, describe, expect, it } from 'vitest';
import { parseClusterSpec, resolveOptions, resolveTopology, scopeFor } from '../../src/cluster/index.ts';
import { InvalidInputError } from '../../src/core/index.ts';
import { loadManifests, renderTemplate, type Manifests } from '../../src/manifests/index.ts';
import { memoryTree } from '../support/memory-tree.ts';
import { problemLines } from '../support/problem-lines.ts';
import fc from '../support/fast-check.ts';

const PLATFORM = `apiVersion: caisson/v1
kind: Platform
name: p
version: "1"
definitionsDirectory: /etc/p
options:
  - name: network
    summary: Network between containers
    choices: { tunnel: { summary: A tunnel }, routes: { summary: Routes, values: { mode: { type: name, oneOf: [near, far], default: near } } } }
  - name: storage
    summary: Shared files
    default: none
    fixed: true
    choices:
      none: { summary: Nothing }
      nas:
        summary: A server
        values:
          server: { type: host }
          path: { type: path }
          options: { type: line, default: "vers=3" }
          port: { type: port, default: 2049 }
          password: { type: passwordFile }
      many:
        summary: Servers
        values: { servers: { type: hosts }, volume: { type: name }, lan: { type: cidr, default: 10.0.0.0/8 }, vip: { type: address } }
`;
const ROLE = 'apiVersion: caisson/v1\nkind: Role\nname: a\nsummary: b\ncomponents: []\n';
const HEAD = 'apiVersion: caisson/v1\nkind: Cluster\nname: prod\nnodes: [{ name: n1, address: 10.0.0.1, roles: [a] }]\n';
const NAS = '{ choice: nas, server: 10.0.0.5, path: /export, password: ./nas-password }';
const MANY = '{ choice: many, servers: [10.0.0.6, "fd00::7", gfs.example], volume: data_1, vip: 10.0.0.9 }';

let manifests: Manifests;

beforeAll(async () => {
  manifests = await loadManifests(memoryTree({ 'platform.yaml': PLATFORM, 'roles/a.yaml': ROLE }));
});

function resolve(options: string) {
  const spec = parseClusterSpec(`${HEAD}options: ${options}\n`, 'cluster.yaml', manifests);
  return resolveOptions(spec, manifests);
}

function linesOf(more: string): string[] {
  return problemLines(() => parseClusterSpec(HEAD + more, 'cluster.yaml', manifests)).map((line) => line.replace('cluster.yaml:', ''));
}

describe('a value that is one of some texts', () => {
  it('is by default what the platform says, and else one of them', () => {
    const modeOf = (written: string): unknown => resolve(`{ network: ${written} }`).options.get('network')?.values;
    expect(modeOf('routes')).toEqual({ mode: 'near' });
    expect(modeOf('{ choice: routes, mode: far }')).toEqual({ mode: 'far' });
    expect(linesOf('options: { network: { choice: routes, mode: fast } }\n')).toEqual([
      expect.stringMatching(/^5:\d+: options\.network\.mode: .*"near".*"far"/),
    ]);
  });
});

describe('resolveOptions', () => {
  it('takes the default of an option that cluster.yaml leaves out', () => {
    const { options, secrets } = resolve('{ network: tunnel }');
    expect([...options]).toEqual([
      ['network', { choice: 'tunnel', values: {}, fixed: false }],
      ['storage', { choice: 'none', values: {}, fixed: true }],
    ]);
    expect(secrets).toEqual([]);
  });

  it('gives values with their defaults, and password files as secrets that no value holds', () => {
    const { options, secrets } = resolve(`{ network: tunnel, storage: ${NAS} }`);
    expect(options.get('storage')).toEqual({
      choice: 'nas',
      values: { server: '10.0.0.5', path: '/export', options: 'vers=3', port: 2049 },
      fixed: true,
    });
    expect(secrets).toEqual([{ name: 'storage-password', path: './nas-password' }]);
  });

  it('says what is wrong with a cluster.yaml that was read without the platform', () => {
    const spec = parseClusterSpec(`${HEAD}options: { storage: nsa }\n`, 'c.yaml');
    const lines = ['network: is missing, want one of "tunnel", "routes"', 'storage: there is no choice "nsa" (did you mean "nas"?)'];
    const message = ['Cannot use "c.yaml":', ...lines.map((line) => `  c.yaml: options.${line}`)].join('\n');
    expect(() => resolveOptions(spec, manifests, 'c.yaml')).toThrow(message);
    expect(() => resolveTopology(spec, manifests)).toThrow(message.replaceAll('c.yaml', 'cluster.yaml'));
  });
});

describe('options in cluster.yaml', () => {
  it.each([
    ['an option that has no default', '', '1:1: options.network: is missing, want one of "tunnel", "routes"'],
    [
      'an unknown option',
      'options: { network: tunnel, storge: nas }\n',
      '5:29: options.storge: the platform has no option "storge" (did you mean "storage"?)',
    ],
    ['an unknown choice', 'options: { network: tunel }\n', '5:21: options.network: there is no choice "tunel" (did you mean "tunnel"?)'],
    [
      'an unknown choice beside values',
      'options: { network: tunnel, storage: { choice: nsa, server: x } }\n',
      '5:48: options.storage.choice: there is no choice "nsa" (did you mean "nas"?)',
    ],
    [
      'a choice that is an inherited name',
      'options: { network: constructor }\n',
      '5:21: options.network: there is no choice "constructor" (known: tunnel, routes)',
    ],
    ['an empty option', 'options: { network: }\n', '5:12: options.network: is empty, want text'],
    ['values without a choice', 'options: { network: { choise: tunnel } }\n', '5:21: options.network.choice: is missing, want text'],
    [
      'a choice without the values that it needs',
      'options: { network: tunnel, storage: nas }\n',
      '5:38: options.storage: the choice "nas" needs "server", "path", "password" (write { choice: nas, server: … })',
    ],
    [
      'a missing value',
      `options: { network: tunnel, storage: ${NAS.replace('server: 10.0.0.5, ', '')} }\n`,
      '5:38: options.storage.server: is missing, want text',
    ],
    [
      'an unknown value',
      `options: { network: tunnel, storage: ${NAS.replace('path', 'pathh: /x, path')} }\n`,
      '5:71: options.storage.pathh: unknown key (did you mean "path"?)',
    ],
    ['values of a choice that has none', 'options: { network: { choice: tunnel, mtu: 3 } }\n', '5:39: options.network.mtu: unknown key'],
  ])('refuse %s', (_what, text, line) => {
    expect(linesOf(text)).toEqual([line]);
  });

  it.each([
    ['server', '10.0.0.256', 'is neither an address nor a DNS name (write it as 10.0.0.5 or files.example.com)'],
    ['server', 'Files_1', 'is neither an address nor a DNS name (write it as 10.0.0.5 or files.example.com)'],
    ['server', '10.1', 'is a number (10.1), want text (put it in quotes: "10.1")'],
    ['path', 'export', 'is not an absolute path (begin it with /)'],
    ['path', '/export/../etc', 'has a ".." component (write the path out)'],
    ['port', '"2049"', 'is text, want a number'],
    ['port', '0', 'is out of range, want at least 1'],
    ['options', '"a\\nb"', 'has a control character (write one line of text)'],
  ])('refuse the %s %s', (name, value, reason) => {
    const nas = NAS.replace(new RegExp(`, ${name}: [^,}]*`), '').replace(' }', `, ${name}: ${value} }`);
    expect(linesOf(`options: { network: tunnel, storage: ${nas} }\n`).map((line) => line.replace(/^\d+:\d+: /, ''))).toEqual([
      `options.storage.${name}: ${reason}`,
    ]);
  });

  it.each([
    ['servers', '10.0.0.6', 'options.storage.servers: is text, want a list'],
    ['servers', '[]', 'options.storage.servers: is empty, want at least one entry'],
    [
      'servers',
      '[a.example, "-"]',
      'options.storage.servers[1]: is neither an address nor a DNS name (write it as 10.0.0.5 or files.example.com)',
    ],
    ['volume', 'a b', 'options.storage.volume: is not a name (use letters, digits, . _ and -, at most 63, a letter or digit first)'],
    ['vip', 'vip.example', 'options.storage.vip: is not an IP address (write it as 10.0.0.11 or fd00::11)'],
    ['lan', '10.0.0.1/8', 'options.storage.lan: is not a network (bits are set behind the prefix, write it as 10.0.0.0/8)'],
  ])('refuse %s: %s', (name, value, line) => {
    const many = { servers: '[a.example]', volume: 'v', vip: '10.0.0.9', [name]: value };
    const pairs = Object.entries(many).map(([key, text]) => `${key}: ${text}`);
    const lines = linesOf(`options: { network: tunnel, storage: { choice: many, ${pairs.join(', ')} } }\n`);
    expect(lines.map((one) => one.replace(/^\d+:\d+: /, ''))).toEqual([line]);
  });

  it('are looked for where they stood before platforms declared them, and the mistake says where they go', () => {
    expect(linesOf('network: { plugin: tunnel }\nstorage: { type: none }\nstorag: 1\noptions: { network: tunnel }\n')).toEqual([
      '5:12: network.plugin: "network" is an option of the platform (write it as options.network)',
      '6:1: storage: "storage" is an option of the platform (write it as options.storage)',
      '7:1: storag: unknown key (known: apiVersion, kind, name, domain, variables, ssh, depot, trust, backup, certificates, nodes, place, network, options)',
    ]);
    expect(linesOf('network: { podCDIR: 10.30.0.0/16 }\noptions: { network: tunnel }\n')).toEqual([
      '5:12: network.podCDIR: unknown key (did you mean "podCIDR"?)',
    ]);
  });

  it('are refused or resolved, whatever stands there', () => {
    const words = fc.constantFrom('network', 'storage', 'choice', 'nas', 'many', 'none', 'tunnel', 'server', 'servers', 'toString', '');
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 3 },
        words,
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('any')),
        fc.dictionary(words, tie('any')),
      ),
    })).any;
    fc.assert(
      fc.property(value, (options) => {
        const text = `${HEAD}options: ${JSON.stringify(options)}\n`;
        try {
          const spec = parseClusterSpec(text, 'cluster.yaml', manifests);
          expect(resolveOptions(spec, manifests).options.size).toBe(2);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidInputError);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('the scope of options', () => {
  function render(options: string, template: string, secrets?: Readonly<Record<string, string>>): string {
    const topology = resolveTopology(parseClusterSpec(`${HEAD}options: ${options}\n`, 'cluster.yaml', manifests), manifests);
    const [host] = topology.spec.nodes;
    if (host === undefined) throw new Error('the cluster has a host');
    return renderTemplate(template, scopeFor(topology, host, secrets === undefined ? {} : { secrets }), 'template');
  }

  const TEMPLATE = '${option.storage.choice} ${option.storage.server}:${option.storage.port} [${option.storage.servers}]';

  it('has the choice and its values, and empty texts for the values of other choices', () => {
    expect(render(`{ network: routes, storage: ${NAS} }`, TEMPLATE)).toBe('nas 10.0.0.5:2049 []');
    expect(render(`{ network: routes, storage: ${MANY} }`, TEMPLATE)).toBe('many : [10.0.0.6,fd00::7,gfs.example]');
    expect(render('{ network: routes }', '${option.network.choice} ' + TEMPLATE)).toBe('routes none : []');
  });

  it('has no password: that is a secret, which must be given when its choice was taken and is empty otherwise', () => {
    const nas = `{ network: routes, storage: ${NAS} }`;
    expect(() => render(nas, '${option.storage.password}')).toThrow(/there is no/);
    expect(render(nas, '${secret.storage-password}', { 'storage-password': 's3' })).toBe('s3');
    expect(() => render(nas, '${secret.storage-password}', {})).toThrow(/there is no/);
    expect(render('{ network: routes }', '[${secret.storage-password}]', {})).toBe('[]');
    expect(() => render('{ network: routes }', '${secret.storage-password}')).toThrow(/there is no/);
  });
});
