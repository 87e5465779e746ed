import { execFile } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseClusterSpec, resolveTopology, scopeFor } from '../../src/cluster/index.ts';
import { directoryTree } from '../../src/io/index.ts';
import { loadManifests, renderTemplate, type Manifests } from '../../src/manifests/index.ts';
import { clusterYaml } from '../support/sample-install.ts';
import { useTempDir } from '../support/temp-dir.ts';

const CHOICES = {
  nas: { yaml: '{ choice: nas, server: 10.0.0.5, path: /export }', type: "kind='nfs nfs4'" },
  gfs: { yaml: '{ choice: gfs, servers: [10.0.0.6, 10.0.0.7], volume: data }', type: 'fuse.glusterfs' },
} as const;

let manifests: Manifests;
const temp = useTempDir();

beforeAll(async () => {
  manifests = await loadManifests(directoryTree(resolve(import.meta.dirname, '../../manifests')));
});

/** The health check of the shared storage, which takes a tmpfs for the file system of the choice. */
async function writeCheck(choice: keyof typeof CHOICES): Promise<void> {
  const { yaml, type } = CHOICES[choice];
  const shared = join(temp(), 'shared');
  const nodes = [{ name: 'n1', address: '10.0.0.11', roles: ['manage', 'gateway', 'compute'] }];
  const more = [`options: { storage: ${yaml} }`, `variables: { shared: ${shared} }`];
  const topology = resolveTopology(parseClusterSpec(clusterYaml(nodes, more), 'cluster.yaml'), manifests);
  const [host] = topology.spec.nodes;
  const component = manifests.components.get('storage');
  if (host === undefined || component === undefined) throw new Error('the shipped platform has storage');
  const text = renderTemplate(component.templateText('storage-check'), scopeFor(topology, host, { component: 'storage' }), 'storage-check');
  await mkdir(shared, { recursive: true });
  const tried = text.replaceAll(type, choice === 'nas' ? "kind='tmpfs'" : 'tmpfs').replace('/run/storage-check', join(temp(), 'state'));
  await writeFile(join(temp(), 'check'), tried);
  await chmod(join(temp(), 'check'), 0o755);
}

/** Runs lines for bash in a view of mounts of their own, in the directory with `check` and `shared`. */
function inOwnMounts(script: string): Promise<{ readonly status: number; readonly said: string }> {
  return new Promise((done) => {
    execFile('unshare', ['--mount', 'bash', '-c', script], { cwd: temp() }, (error, stdout, stderr) => {
      done({ status: error === null ? 0 : Number(error.code), said: `${stdout}${stderr}`.trim() });
    });
  });
}

describe.skipIf(process.getuid?.() !== 0)('the health check of the shared storage', () => {
  it.each([
    ['nas', 'mount -t tmpfs 10.0.0.5:/export shared; ./check'],
    ['nas', 'mount -t tmpfs 10.0.0.5:/export/ shared; ./check && ./check'],
    ['gfs', 'mount -t tmpfs 10.0.0.6:/data shared; ./check'],
    ['gfs', 'mount -t tmpfs 10.0.0.7:data shared; ./check'],
  ] as const)('is well where it can write and read (%s: %s)', async (choice, script) => {
    await writeCheck(choice);
    expect(await inOwnMounts(script)).toEqual({ status: 0, said: '' });
  });

  it.each([
    ['nas', './check', /shared is a plain directory: nothing is mounted on it$/],
    ['nas', 'mount -t tmpfs 10.0.0.5:/exports shared; ./check', /shared is a mount of 10\.0\.0\.5:\/exports, want 10\.0\.0\.5:\/export$/],
    ['nas', 'mount -t ramfs 10.0.0.5:/export shared; ./check', /is a mount of 10\.0\.0\.5:\/export \(ramfs\), want /],
    ['nas', 'mount -t tmpfs 10.0.0.5:/export shared; mount -t tmpfs other shared; ./check', /is a mount of other, want /],
    ['nas', 'mount -t tmpfs -o ro 10.0.0.5:/export shared; ./check', /shared is mounted read-only$/],
    ['nas', 'mount -t tmpfs -o nr_inodes=2 10.0.0.5:/export shared; ./check', /No space left on device$/],
    ['gfs', 'mount -t tmpfs 10.0.0.8:/data shared; ./check', /is a mount of 10\.0\.0\.8:\/data, want 10\.0\.0\.6,10\.0\.0\.7:\/data$/],
    ['gfs', 'mount -t tmpfs 10.0.0.6:/other shared; ./check', /is a mount of 10\.0\.0\.6:\/other, want /],
  ] as const)('says what is wrong (%s: %s)', async (choice, script, reason) => {
    await writeCheck(choice);
    const { status, said } = await inOwnMounts(script);
    expect(said).toMatch(reason);
    expect(status).toBe(1);
  });

  it('ends while its server does not answer, begins no second process that waits, and is well again afterwards', async () => {
    await writeCheck('nas');
    // To open a pipe that has no reader waits as long as a file of a server that is gone.
    const script = `mount -t tmpfs 10.0.0.5:/export shared; mkdir -p shared/services/storage; mkfifo shared/services/storage/n1.new
./check; echo "status $?"; ./check; echo "status $?"; ./check
cat shared/services/storage/n1.new > read; rm shared/services/storage/n1.new; sleep 1; ./check; echo "status $?"`;
    const { said } = await inOwnMounts(script);
    expect(said.split('\n')).toEqual([
      expect.stringMatching(/shared did not answer within 8 s: its server is away/),
      'status 1',
      expect.stringMatching(/shared has not answered since 20\d\d-.*Z: its server is away/),
      'status 1',
      expect.stringMatching(/has not answered since/),
      'status 0',
    ]);
  });
});
