import { existsSync, readdirSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  aptMirror,
  buildImages,
  cacheDirectory,
  ensureEngine,
  ensureNodeImage,
  ensureTools,
  eventually,
  IMAGE_RECIPES,
  listensOnLoopbackOnly,
  openPackageSource,
  otherOwner,
  ownLabName,
  proveAirGap,
  removeLab,
  run,
  runDirectory,
  startLab,
  startUpstream,
  type Engine,
  type Lab,
} from './index.ts';

const mirror = aptMirror();
let engine: Engine;
let image: string;
let lab: Lab;

beforeAll(async () => {
  await ensureTools();
  engine = await ensureEngine();
  image = await ensureNodeImage(engine, mirror);
  lab = await startLab({ name: 'selftest', engine, image, nodes: [{ name: 'm1' }, { name: 'g1' }] });
});

afterAll(async () => {
  await lab?.stop();
  await engine?.stop();
});

function listenEverywhere(): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer((socket) => socket.on('error', () => socket.destroy()).end());
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(0, '0.0.0.0', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('The server has no port'));
      else resolve({ server, port: address.port });
    });
  });
}

describe('the owner of a lab', () => {
  it('is the checkout that made its hosts', async () => {
    const labels = ['--label', `caisson.lab=${ownLabName('selftest-other')}`, '--label', 'caisson.lab.from=/elsewhere'];
    await engine.docker(['create', ...labels, image, 'true']);
    try {
      expect(await otherOwner(engine, 'selftest-other')).toBe('/elsewhere');
      expect(await otherOwner(engine, 'selftest')).toBeUndefined();
      expect(await otherOwner(engine, 'selftest-none')).toBeUndefined();
    } finally {
      await removeLab(engine, 'selftest-other');
    }
  });
});

describe('a host of the lab', () => {
  it('runs systemd and has a name and a machine id of its own', async () => {
    const ids = new Set<string>();
    for (const { name } of lab.nodes) {
      expect((await lab.exec(name, ['systemctl', 'is-system-running'])).stdout.trim()).toBe('running');
      expect((await lab.exec(name, ['hostnamectl', 'hostname'])).stdout.trim()).toBe(name);
      ids.add(await lab.readFile(name, '/etc/machine-id'));
    }
    expect(ids.size).toBe(2);
  });

  it('is bare: no engine, and apt that knows only its own source', async () => {
    expect((await lab.exec('m1', ['sh', '-c', 'command -v docker dockerd containerd'], { expect: 'any' })).status).not.toBe(0);
    expect(await lab.readFile('m1', '/etc/apt/sources.list')).toContain(mirror.main);
    expect((await lab.exec('m1', ['ls', '-A', '/etc/apt/sources.list.d'])).stdout).toBe('');
  });

  it('lets root in over ssh, and another user who may use sudo', async () => {
    expect((await lab.ssh('m1', 'hostname; whoami')).stdout).toBe('m1\nroot\n');
    expect((await lab.ssh('g1', 'whoami; sudo whoami', { user: 'site' })).stdout).toBe('site\nroot\n');
  });

  it('shows a host key that the other hosts do not have', async () => {
    expect(lab.node('m1').hostKey).not.toBe(lab.node('g1').hostKey);
    const right = await readFile(lab.knownHostsFile, 'utf8');
    const swapped = lab.nodes.map((node, index) => `${node.address} ${lab.nodes[1 - index]?.hostKey ?? ''}\n`).join('');
    await writeFile(lab.knownHostsFile, swapped);
    const refused = await lab.ssh('m1', 'true', { expect: 'any' });
    await writeFile(lab.knownHostsFile, right);
    expect(refused.status).toBe(255);
    expect(refused.stderr).toContain('Host key verification failed');
  });

  it('reaches its neighbours from the seed, with the keys it was given', async () => {
    await lab.makeSeed('m1');
    const argv = ['ssh', '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=yes', `root@${lab.node('g1').address}`, 'hostname'];
    expect((await lab.exec('m1', argv)).stdout).toBe('g1\n');
  });

  it('has plain files where Docker mounts its own, so that they can be replaced', async () => {
    const script = 'for f in hosts hostname resolv.conf; do cp /etc/$f /etc/$f.new && mv /etc/$f.new /etc/$f || exit 1; done';
    await lab.exec('g1', ['sh', '-c', script]);
  });

  it('takes a file with its bytes and mode, under a folder in memory too', async () => {
    const local = join(cacheDirectory('runs'), 'copied');
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
    await writeFile(local, bytes);
    const [ours = ''] = (await run(['sha256sum', local])).stdout.split(' ');
    await lab.copyTo('m1', local, '/run/some/where/copied', 0o750);
    await rm(local);
    expect((await lab.exec('m1', ['sha256sum', '/run/some/where/copied'])).stdout).toContain(ours);
    expect((await lab.exec('m1', ['stat', '-c', '%a', '/run/some/where/copied'])).stdout.trim()).toBe('750');
  });
});

describe('a lab that cannot start', () => {
  it('says why and leaves nothing behind', async () => {
    const twins = [{ name: 't1' }, { name: 't2', octet: 11 }];
    await expect(startLab({ name: 'selftest-broken', engine, image, nodes: twins })).rejects.toThrow(/address/i);
    const filter = ['--filter', `label=caisson.lab=${ownLabName('selftest-broken')}`];
    expect((await engine.docker(['ps', '-aq', ...filter])).stdout).toBe('');
    expect((await engine.docker(['network', 'ls', '-q', ...filter])).stdout).toBe('');
  });

  it('is refused when its name could mean something to the engine', async () => {
    await expect(startLab({ name: '../x', engine, image, nodes: [] })).rejects.toThrow('not letters, digits and hyphens');
  });
});

describe('the air gap', () => {
  it('lets no host reach anything outside, while this machine reaches it', async () => {
    const upstream = await startUpstream();
    const everywhere = await listenEverywhere();
    try {
      expect(listensOnLoopbackOnly(upstream.port)).toBe(true);
      const proof = await proveAirGap(lab, { mirror });
      expect(proof.reached).toEqual([]);
      const ports = new Set(proof.tried.map((target) => target.port));
      expect(ports.has(upstream.port)).toBe(true);
      expect(ports.has(everywhere.port)).toBe(true);
      const answering = proof.answering.map((target) => target.what);
      expect(answering).toContain('the package mirror');
      expect(answering).toContain('the outer machine');
    } finally {
      everywhere.server.close();
      await upstream.stop();
    }
  });

  it('is seen to be missing on an ordinary network', async () => {
    const everywhere = await listenEverywhere();
    const open = await startLab({ name: 'selftest-open', engine, image, airGap: false, nodes: [{ name: 'o1' }] });
    try {
      const proof = await proveAirGap(open, { mirror });
      const reached = proof.reached.map(({ target }) => target);
      expect(reached.map((target) => target.what)).toContain('the package mirror');
      expect(reached.filter((target) => target.what === 'the outer machine').map((target) => target.port)).toContain(everywhere.port);
    } finally {
      everywhere.server.close();
      await open.stop();
    }
  });

  it('is seen to be missing when a host finds a way to the outer machine', async () => {
    const everywhere = await listenEverywhere();
    const leaky = await startLab({ name: 'selftest-leaky', engine, image, nodes: [{ name: 'l1' }] });
    try {
      await leaky.exec('l1', ['iptables', '-F', 'OUTPUT']);
      const proof = await proveAirGap(leaky, { mirror });
      expect(proof.reached.map(({ target }) => `${target.host}:${target.port}`)).toContain(`${leaky.gateway}:${everywhere.port}`);
    } finally {
      everywhere.server.close();
      await leaky.stop();
    }
  });
});

describe('an engine inside a host', () => {
  const etcd = IMAGE_RECIPES.filter((recipe) => recipe.folder === 'etcd');
  let innerContainers: string[] = [];

  beforeAll(async () => {
    const packages = await (await openPackageSource(cacheDirectory('apt'), mirror)).closure(['docker.io']);
    const present = new Set((await lab.exec('m1', ['dpkg-query', '-W', '-f', '${Package}\n'])).stdout.split('\n'));
    const missing = [...packages].filter(([name]) => !present.has(name));
    for (const [name, file] of missing) await lab.copyTo('m1', file, `/root/debs/${name}.deb`);
    await lab.exec('m1', ['sh', '-c', 'dpkg -i /root/debs/*.deb']);
    const [stored] = await buildImages({ mirror, recipes: etcd });
    const directory = runDirectory('archive');
    const archive = join(directory, 'etcd.tar');
    await run(['skopeo', '--insecure-policy', 'copy', '--quiet', `oci:${stored?.layout ?? ''}`, `docker-archive:${archive}:lab/etcd:test`]);
    await lab.copyTo('m1', archive, '/root/etcd.tar');
    await rm(directory, { recursive: true });
  });

  it('starts as a unit, on a file system of its own', async () => {
    expect((await lab.exec('m1', ['systemctl', 'is-active', 'docker'])).stdout.trim()).toBe('active');
    expect((await lab.exec('m1', ['docker', 'info', '--format', '{{.Driver}}'])).stdout.trim()).toBe('overlay2');
  });

  it('runs containers on the host network and with published ports, which the neighbours reach', async () => {
    expect((await lab.exec('m1', ['docker', 'load', '-i', '/root/etcd.tar'])).stdout).toContain('lab/etcd:test');
    const answer = ['lab/etcd:test', 'nc', '-ll', '-p', '7001', '-e', 'hostname'];
    await lab.exec('m1', ['docker', 'run', '-d', '--network', 'host', ...answer]);
    await lab.exec('m1', ['docker', 'run', '-d', '--hostname', 'published', '--publish', '7002:7001', ...answer]);
    const ask = (port: number): Promise<string> =>
      eventually(15_000, async () => {
        const script = `exec 3<>/dev/tcp/${lab.node('m1').address}/${port}; timeout 3 head -1 <&3`;
        const { stdout } = await lab.exec('g1', ['bash', '-c', script]);
        if (stdout === '') throw new Error('no answer');
        return stdout.trim();
      });
    expect(await ask(7001)).toBe('m1');
    expect(await ask(7002)).toBe('published');
    innerContainers = (await lab.exec('m1', ['docker', 'ps', '-q', '--no-trunc'])).stdout.trim().split('\n');
    expect(innerContainers).toHaveLength(2);
  });

  it('opens no way out', async () => {
    expect((await proveAirGap(lab, { mirror })).reached).toEqual([]);
  });

  it('leaves nothing behind when the lab stops, nor when it is stopped twice', async () => {
    await lab.stop();
    await lab.stop();
    expect((await engine.docker(['ps', '-aq', '--filter', `name=caisson-lab-${ownLabName('selftest')}-`])).stdout).toBe('');
    expect((await engine.docker(['network', 'ls', '-q', '--filter', `name=caisson-lab-${ownLabName('selftest')}`])).stdout).toBe('');
    expect(readdirSync(cacheDirectory('runs')).filter((name) => name.startsWith(`lab-${ownLabName('selftest')}-`))).toEqual([]);
    if (!existsSync('/sys/fs/cgroup')) return;
    for (const id of innerContainers) {
      expect((await run(['find', '/sys/fs/cgroup', '-type', 'd', '-name', `*${id}*`], { expect: 'any' })).stdout).toBe('');
    }
  });
});
