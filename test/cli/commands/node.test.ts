import { randomInt } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentStatus } from '../../../src/agent/index.ts';
import { nodeUuid } from '../../../src/cluster/index.ts';
import { digestOf, systemClock } from '../../../src/core/index.ts';
import { createAuthority, issueCertificate } from '../../../src/pki/index.ts';
import { AGENT_PORT, newSiteRecord, openFileStore, REAL_MACHINES, seedLayout, type RecordedHost } from '../../../src/site/index.ts';
import { useCommandSites, type CommandSite } from '../../support/command-site.ts';
import { runCaisson, type Ended } from '../../support/run-caisson.ts';
import { clusterYaml, THREE_NODES, type SampleNode } from '../../support/sample-install.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const temp = useTempDir();
/** Addresses of this process alone: the port of agents is the same everywhere. */
const NETWORK = `127.${randomInt(1, 255)}.${randomInt(1, 255)}`;
const A: SampleNode = { name: 'a', address: `${NETWORK}.1`, roles: ['manage'] };
const B: SampleNode = { name: 'b', address: `${NETWORK}.2`, roles: ['front'] };

type Cordoned = Pick<RecordedHost, 'cordoned'>;

/** Writes cluster.yaml, unless it is left out, and a record with these hosts, beside a seed that is no node. */
async function writeSite(recorded: readonly (SampleNode & Cordoned)[], declared?: readonly SampleNode[]): Promise<void> {
  const path = join(temp(), 'cluster.yaml');
  if (declared !== undefined) await writeFile(path, clusterYaml(declared));
  const hosts = recorded.map(({ name, address, roles, ...cordoned }) => [name, { address, roles: [...roles], ...cordoned, owned: [] }]);
  const { record } = seedLayout(temp());
  await mkdir(dirname(record), { recursive: true });
  const store = openFileStore(record);
  await store.write(
    {
      ...newSiteRecord({ id: 'a', name: 'sample', seed: 'seed' }),
      cluster: { path, digest: digestOf(Buffer.from('')) },
      hosts: { ...Object.fromEntries(hosts), seed: { address: '10.0.0.99', roles: [], owned: [] } },
    },
    (await store.read())?.revision,
  );
}

function node(...words: readonly string[]): Promise<Ended> {
  return runCaisson(['node', ...words], { machines: { ...REAL_MACHINES, seedRoot: temp() } });
}

function linesOf(text: string): readonly string[] {
  const known = text.replaceAll(NETWORK, 'NET').replaceAll(temp(), 'TEMP').trimEnd();
  return known.split('\n').map((line) => line.trim().replaceAll(/ {2,}/g, ' | '));
}

describe('caisson node list', () => {
  it('says of every node what the next install does with it, without a word of the agents too', async () => {
    const at = (name: string, number: number, ...roles: string[]): SampleNode => ({ name, address: `10.0.0.${number}`, roles });
    await writeSite(
      [at('same', 1, 'manage'), at('roles', 2, 'front'), at('moves', 3, 'front'), at('gone', 4, 'front')],
      [at('same', 1, 'manage'), at('roles', 2, 'front', 'manage'), at('moves', 13, 'front'), at('new', 5, 'front')],
    );
    const silent = /Cannot read "TEMP\/etc\/caisson\/pki\/operator.(?:crt|key)": ENOENT: no such file or directory, open '[^']*'/;
    const { status, out, err } = await node('list');
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(linesOf(out).map((line) => line.replace(silent, 'SILENT'))).toEqual([
      'NAME | ADDRESS | ROLES | STATE | REASON',
      'same | 10.0.0.1 | manage | offline | SILENT',
      'roles | 10.0.0.2 | front, manage | roles change | front → front, manage; offline: SILENT',
      'moves | 10.0.0.13 | front | address changes | 10.0.0.3 → 10.0.0.13',
      'new | 10.0.0.5 | front | not installed | install it: caisson node install new',
      'gone | 10.0.0.4 | front | leaves | the next install removes it; offline: SILENT',
      'TEMP/cluster.yaml has changes that are not installed: caisson install --offline --plan',
    ]);
    const data: unknown = JSON.parse((await node('list', '--json')).out);
    expect(data).toMatchObject({
      type: 'result',
      cluster: 'sample',
      clusterPath: join(temp(), 'cluster.yaml'),
      nodes: expect.arrayContaining([
        expect.objectContaining({ name: 'roles', address: '10.0.0.2', roles: ['front', 'manage'], state: 'roles change', before: 'front' }),
        expect.objectContaining({ name: 'new', state: 'not installed' }),
      ]),
    });
  });

  it('ends with 3 on a machine that has no record', async () => {
    expect(await node('list')).toMatchObject({ status: 3, err: expect.stringContaining('SITE_UNKNOWN') });
  });
});

describe('an agent that is asked by', () => {
  let server: ReturnType<typeof createServer>;
  let components: AgentStatus['components'];

  beforeEach(async () => {
    const clock = systemClock;
    const authority = await createAuthority({ commonName: 'test', days: 1, clock });
    const subject = { commonName: 'a', dnsNames: [], addresses: [A.address] };
    const pair = await issueCertificate(authority, { ...subject, usages: 'both', days: 1, clock });
    const { pki } = seedLayout(temp());
    await mkdir(pki, { recursive: true });
    await writeFile(join(pki, 'operator.crt'), pair.certificate);
    await writeFile(join(pki, 'operator.key'), pair.key);
    await writeFile(join(pki, 'ca.crt'), authority.certificate);
    const tls = { cert: pair.certificate, key: pair.key, ca: authority.certificate, requestCert: true, rejectUnauthorized: true };
    server = createServer(tls, (_request, response) => {
      const own = { name: 'a', address: A.address, uuid: nodeUuid('sample', 'a') };
      const status: AgentStatus = { node: own, roles: [], version: '1', time: '2025-01-01T08:15:00Z', components, problems: [] };
      response.end(JSON.stringify(status));
    });
    await new Promise<void>((resolve) => {
      server.listen(AGENT_PORT, A.address, resolve);
    });
    // These addresses are none that cluster.yaml may have; without it, the record counts.
    await writeSite([A, B]);
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  function component(name: string, state: 'healthy' | 'unhealthy', reason = ''): AgentStatus['components'][number] {
    return { name, state, since: '2025-01-01T08:15:00Z', reason, errors: 0 };
  }

  it('node list is running, or running (unhealthy) with what is wrong; one that is silent is offline', async () => {
    components = [component('docker', 'healthy')];
    const [header, a, b, note] = linesOf((await node('list')).out);
    expect(header).toBe('NAME | ADDRESS | ROLES | STATE | REASON');
    expect(a).toBe('a | NET.1 | manage | running');
    expect(b).toMatch(/^b \| NET\.2 \| front \| offline \| .*ECONNREFUSED/);
    expect(note).toMatch(/^These are the nodes of the record; cluster\.yaml cannot be read: Cannot read "TEMP\/cluster\.yaml"/);
    components = [component('docker', 'healthy'), component('etcd', 'unhealthy', 'no\nleader \u001b[31mred')];
    expect(linesOf((await node('list')).out)[1]).toBe(
      'a | NET.1 | manage | running (unhealthy) | 1 of 2 components not healthy; etcd is unhealthy: no leader \\x1b[31mred',
    );
  });

  it('node list and node get say of a cordoned node that it gets no work, whatever else is with it', async () => {
    const cordoned = { since: '2025-01-02T03:04:05.000Z', by: 'operator' } as const;
    await writeSite([
      { ...A, cordoned },
      { ...B, cordoned },
    ]);
    const since = 'cordoned since 2025-01-02 03:04:05Z, take it back with: caisson node uncordon';
    components = [component('docker', 'healthy')];
    const [, a, b] = linesOf((await node('list')).out);
    expect(a).toBe(`a | NET.1 | manage | running (unschedulable) | ${since} a`);
    expect(b).toContain(`b | NET.2 | front | offline (unschedulable) | ${since} b; `);
    components = [component('docker', 'unhealthy', 'gone')];
    expect(linesOf((await node('get', 'a')).out).slice(3, 5)).toEqual([
      'State: | running (unschedulable, unhealthy)',
      `Reason: | ${since} a; 1 of 1 components not healthy; docker is unhealthy: gone`,
    ]);
    expect(JSON.parse((await node('list', '--json')).out)).toMatchObject({
      nodes: [
        { name: 'a', cordoned },
        { name: 'b', cordoned },
      ],
    });
  });

  it('node get shows every component', async () => {
    components = [component('docker', 'healthy'), component('etcd', 'unhealthy', 'no leader')];
    const { status, out } = await node('get', 'a');
    expect(status).toBe(0);
    expect(linesOf(out).slice(0, 9)).toEqual([
      'Name: | a',
      'Address: NET.1',
      'Roles: | manage',
      'State: | running (unhealthy)',
      'Reason: | 1 of 2 components not healthy; etcd is unhealthy: no leader',
      '',
      'COMPONENT | STATE | SINCE | RESTARTS | REASON',
      'docker | healthy | 2025-01-01 08:15:00Z',
      'etcd | unhealthy | 2025-01-01 08:15:00Z | no leader',
    ]);
    expect(JSON.parse((await node('get', 'a', '--json')).out)).toMatchObject({
      type: 'result',
      cluster: 'sample',
      node: { name: 'a', state: 'running (unhealthy)', status: { components: [{ name: 'docker' }, { name: 'etcd' }] } },
      problem: expect.stringContaining('cluster.yaml'),
    });
    const unknown = await node('get', 'x');
    expect(unknown).toMatchObject({ status: 2, err: expect.stringContaining('Cannot find "x"') });
    expect(unknown.err).toContain('known: a, b');
  });
});

describe('the commands that change nodes', () => {
  const { bundles, bare } = useCommandSites(temp);

  /** Three machines, of which the site has the first two. */
  async function installed(): Promise<CommandSite & { readonly path: string; readonly cluster: () => Promise<string> }> {
    const all = await bare(THREE_NODES);
    const path = all.site.options.clusterPath;
    await writeFile(path, (await readFile(path, 'utf8')).replace(/^.*name: f2.*\n/m, ''));
    const { status, err } = await all.run(['install', '--offline', '--yes', '--unsigned', '--bundle', bundles().bundle, '--cluster', path]);
    expect({ status, err: status === 0 ? '' : err }).toEqual({ status: 0, err: '' });
    return { ...all, path, cluster: () => readFile(path, 'utf8') };
  }

  it('declare a node, install it, say that nothing is left, and remove it', async () => {
    const { run, told, cluster } = await installed();
    const before = await cluster();
    const add = ['node', 'add', 'f2', '--iip', '10.0.0.13', '--role', 'front'];
    expect(await told([...add, '--ssh-user', 'ops', '--ssh-port', '2222'])).toBe(
      ['[stdout]', '"f2" is in DIRECTORY/cluster.yaml', 'Install it with: caisson node install f2', '[status 0]'].join('\n'),
    );
    expect(await cluster()).toContain('  - { name: f2, address: 10.0.0.13, roles: [front], ssh: { user: ops, port: 2222 } }\n');
    expect(await run(['node', 'install', 'f9'])).toMatchObject({ status: 2, err: expect.stringContaining('has no such node') });
    expect(await run(['node', 'install', 'f2'])).toMatchObject({ status: 2, err: expect.stringContaining('run this again with --yes') });
    expect((await run(['node', 'install', 'f2'], { typed: 'y\n' })).out).toMatch(/^Done: \d+ of \d+ steps changed something/);
    expect((await run(['node', 'install', 'f2', '--yes'])).out).toContain('Everything was as declared; nothing was changed');
    expect((await run([...add, '--install', '--yes'])).out).toContain('Everything was as declared; nothing was changed');
    expect((await run(['node', 'remove', 'f2', '--plan'])).out).toContain('remove web');
    expect(await cluster()).not.toBe(before);
    expect((await run(['node', 'remove', 'f2', '--yes'])).status).toBe(0);
    expect(await cluster()).toBe(before);
  });

  it('refuse what the manifests do not have, and a port that is none', async () => {
    const { run, cluster } = await installed();
    const before = await cluster();
    const wrong = await run(['node', 'add', 'f2', '--iip', '10.0.0.13', '--role', 'frnt,manage']);
    expect(wrong).toMatchObject({ status: 3, err: expect.stringContaining('there is no role "frnt" (did you mean "front"?)') });
    const port = await run(['node', 'add', 'f2', '--iip', '10.0.0.13', '--role', 'front', '--ssh-port', '0']);
    expect(port).toMatchObject({ status: 2, err: expect.stringContaining('"0" is not a port') });
    const there = await run(['node', 'add', 'f1', '--iip', '10.0.0.14', '--role', 'front']);
    expect(there).toMatchObject({ status: 3, err: expect.stringContaining('has a node "f1" already, with 10.0.0.12 and front') });
    expect(await run(['node', 'replace', 'f7', '--iip', '10.0.0.14'])).toMatchObject({
      status: 3,
      err: expect.stringContaining('there is no node "f7"'),
    });
    expect(await run(['node', 'roles', 'f1', '--role', 'front', '--yes'])).toMatchObject({ status: 0 });
    expect(await cluster()).toBe(before);
  });
});
