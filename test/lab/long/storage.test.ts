import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changes, listHosts, type Untouched } from '../cluster/host-list.ts';
import { PLACED_PROGRAM, StorageLab, type StorageNode } from '../cluster/shared-storage.ts';
import { ensureEngine, type Engine } from '../engine.ts';
import { ensureTools } from '../prerequisites.ts';
import { runDirectory } from '../state.ts';

const U1: StorageNode = { name: 'u1', roles: ['manage'] };
const U2: StorageNode = { name: 'u2', roles: ['compute'] };
const U3: StorageNode = { name: 'u3', roles: ['compute'] };

const MOUNTED = 'findmnt --kernel --noheadings --output SOURCE,FSTYPE --mountpoint /grdata || true';

let engine: Engine;
let directory: string;
let lab: StorageLab;

beforeAll(async () => {
  await ensureTools();
  engine = await ensureEngine();
  directory = runDirectory('storage');
  lab = await StorageLab.open(engine, directory, ['u1', 'u2', 'u3']);
});
afterAll(async () => {
  await lab?.stop();
  await rm(directory, { recursive: true, force: true });
  await engine.stop();
});

async function expectInstalled(): Promise<void> {
  const ran = await lab.install();
  expect(ran.status, ran.stderr).toBe(0);
  console.log(`      ${ran.result?.changed} of ${ran.result?.steps} steps in ${ran.seconds.toFixed(0)} s`);
}

/** Writes a line on one host and expects to read it on another. */
async function expectShared(from: string, to: string): Promise<void> {
  const line = `from ${from} at ${Date.now()}`;
  await lab.hosts.bash(from, 'echo "$1" > /grdata/lab-line && sync /grdata/lab-line', line);
  expect(await lab.hosts.bash(to, 'cat /grdata/lab-line')).toBe(line);
}

async function listAll(nodes: readonly string[]): Promise<Untouched> {
  return listHosts({ nodes, bash: (node, script, ...words) => lab.hosts.bash(node, script, ...words) }, { settings: false });
}

/** Lines of what hosts have that was not there before, or lack that was, without those that may stay. */
async function differences(untouched: Untouched, nodes: readonly string[], mayStay: RegExp): Promise<readonly string[]> {
  const now = await listAll(nodes);
  const lines = nodes.flatMap((node) => changes(untouched[node] ?? [], now[node] ?? []).map((line) => `${node}: ${line}`));
  return lines.filter((line) => !mayStay.test(line) && !line.includes(PLACED_PROGRAM));
}

/**
 * Users that the packages of NFS make and a purge leaves, what the kernel keeps of a file system that was used, and the
 * configuration of packages that a removal without --purge leaves, as apt does.
 */
const LEFT_BY_PACKAGES = new RegExp(
  [
    /(user|group) (_rpc|statd)|\/etc\/(passwd|group|shadow|gshadow|subuid|subgid)-?$/,
    /[+-] module |[+-] mount \/(proc\/fs\/nfsd|run\/rpc_pipefs)|running run-rpc_pipefs\.mount|\/var\/lib\/(nfs|ucf|dpkg)(\/|$)/,
    /[+] package rc /,
    /\/etc\/(default|init\.d|insserv\.conf\.d|keyutils|nfs\.conf\.d|python3(\.11)?|rc[0-6S]\.d|request-key\.d)(\/|$)/,
    /\/etc\/(idmapd\.conf|inputrc|mime\.types|nfs\.conf|request-key\.conf|systemd\/system\/[a-z-]+\.target\.wants(\/nfs-client\.target)?)$/,
  ]
    .map(({ source }) => source)
    .join('|'),
);

describe('storage: nfs', () => {
  let untouched: Untouched;

  beforeAll(async () => {
    untouched = await listAll(['u1', 'u2', 'u3']);
    await lab.declare('nfs', [U1, U2]);
  });

  it('is installed from the bundle: one host exports the directory, the other mounts it', async () => {
    await expectInstalled();
    expect(await lab.hosts.bash('u2', MOUNTED)).toMatch(new RegExp(`^${lab.hosts.address('u1')}:/grdata +nfs4$`));
    expect(await lab.hosts.bash('u1', MOUNTED)).toBe('');
    await expectShared('u2', 'u1');
    await expectShared('u1', 'u2');
    await lab.untilState('u2', 'storage', /^healthy/);
    // Programs on both hosts keep a file there, and each host sees both.
    for (const host of ['u1', 'u2']) expect(await lab.hosts.bash(host, 'ls /grdata/writer')).toBe('u1\nu2');
  });

  it('exports to the address of the host that mounts, and to no other', async () => {
    expect(await lab.hosts.bash('u1', `awk '{ print $1, $2 }' /var/lib/nfs/etab | cut -d '(' -f 1`)).toBe(
      `/grdata ${lab.hosts.address('u2')}`,
    );
    const brought = await lab.hosts.installPackages('u3', ['nfs-common']);
    const refused = await lab.hosts.try('u3', 'mkdir -p /mnt/x; timeout 60 mount -t nfs4 "$1:/grdata" /mnt/x', lab.hosts.address('u1'));
    expect(refused.status).not.toBe(0);
    expect(refused.stderr).toMatch(/denied|No such file|not permitted/);
    await lab.hosts.bash('u3', 'rmdir /mnt/x; DEBIAN_FRONTEND=noninteractive dpkg --purge "$@"', ...brought);
  });

  it('opens port 2049 of the server to its address, and port 111 nowhere', async () => {
    const ports = `ss --listening --tcp --udp --numeric --no-header | awk '{ print $1, $5 }' | sort -u`;
    const server = await lab.hosts.bash('u1', ports);
    console.log(`      ${server.split('\n').join('\n      ')}`);
    expect(server).toContain(`tcp ${lab.hosts.address('u1')}:2049`);
    for (const host of ['u1', 'u2']) expect(await lab.hosts.bash(host, ports)).not.toMatch(/:111$/m);
    expect(server.match(/:2049$/gm)).toHaveLength(1);
  });

  it('has nothing left to do', async () => {
    expect((await lab.install()).result).toMatchObject({ changed: 0 });
  });

  it('lets a host in that is added, without a restart of the server', async () => {
    const started = 'systemctl show --property=InvocationID,ActiveEnterTimestamp nfs-server; pgrep -o nfsd';
    const before = await lab.hosts.bash('u1', started);
    await lab.declare('nfs', [U1, U2, U3]);
    await expectInstalled();
    await expectShared('u2', 'u3');
    expect(await lab.hosts.bash('u1', started)).toBe(before);
  });

  it('is mounted again where somebody unmounted it, and names what is wrong with it', async () => {
    await lab.hosts.bash('u3', 'systemctl stop writer; umount /grdata');
    console.log(`      mounted again after ${await lab.untilState('u3', 'storage', /^healthy/)} s`);
    expect(await lab.hosts.bash('u3', MOUNTED)).toContain('nfs4');
    await lab.hosts.bash('u3', 'mount -t tmpfs other /grdata');
    await lab.untilState('u3', 'storage', /^unhealthy: .*\/grdata is a mount of other/);
    await lab.hosts.bash('u3', 'umount /grdata');
    await lab.untilState('u3', 'storage', /^healthy/);
    await lab.hosts.bash('u3', 'mount -o remount,ro /grdata');
    await lab.untilState('u3', 'storage', /^unhealthy: .*read-only/);
    await lab.hosts.bash('u3', 'mount -o remount,rw /grdata');
    await lab.untilState('u3', 'storage', /^healthy/);
  });

  it('is unhealthy while its server is away, with one process that waits, and well when it is back', async () => {
    await lab.hosts.bash('u1', 'systemctl stop nfs-server');
    console.log(`      noticed after ${await lab.untilState('u2', 'storage', /^unhealthy: .*server is away/)} s`);
    await new Promise((resolve) => setTimeout(resolve, 60_000));
    expect(Number(await lab.hosts.bash('u2', 'pgrep --count --full storage-check || true'))).toBeLessThanOrEqual(3);
    await lab.untilState('u2', 'storage', /^unhealthy: .*server is away/);
    await lab.hosts.bash('u1', 'systemctl start nfs-server');
    console.log(`      well again after ${await lab.untilState('u2', 'storage', /^healthy/)} s`);
    await expectShared('u2', 'u1');
  });

  it('exports to a host no more that is removed', async () => {
    await lab.declare('nfs', [U1, U2]);
    await expectInstalled();
    expect(await lab.hosts.bash('u3', MOUNTED)).toBe('');
    expect(await lab.hosts.bash('u1', 'cut -d "(" -f 1 /var/lib/nfs/etab')).toBe(`/grdata\t${lab.hosts.address('u2')}`);
    expect(await differences(untouched, ['u3'], LEFT_BY_PACKAGES)).toEqual([]);
  });

  it('goes with a reset, clients before the server, and leaves the data', async () => {
    const ran = await lab.caisson('--json', 'reset', '--yes');
    expect(ran.status, ran.stderr).toBe(0);
    expect(await lab.hosts.bash('u2', MOUNTED)).toBe('');
    expect(await lab.hosts.bash('u1', 'cat /grdata/lab-line')).toMatch(/^from u2/);
    const kept = new RegExp(`${LEFT_BY_PACKAGES.source}|u1: |/grdata(/|$)`);
    expect(await differences(untouched, ['u1', 'u2'], kept)).toEqual([]);
    await lab.hosts.bash('u1', 'rm -r /grdata');
  });
});

describe('storage: nas', () => {
  it('mounts what a server of the site exports, on each of its hosts', async () => {
    await lab.hosts.installPackages('u1', ['nfs-kernel-server']);
    const clients = ['u2', 'u3'].map((host) => `${lab.hosts.address(host)}(rw,sync,no_subtree_check,no_root_squash)`).join(' ');
    await lab.hosts.bash(
      'u1',
      'mkdir -p /export && echo "/export $1" > /etc/exports && systemctl restart nfs-server && exportfs -r',
      clients,
    );
    const nodes = [
      { ...U2, roles: ['manage'] },
      { ...U3, roles: ['compute'] },
    ];
    await lab.declare({ choice: 'nas', server: lab.hosts.address('u1'), path: '/export' }, nodes);
    await expectInstalled();
    for (const host of ['u2', 'u3']) {
      expect(await lab.hosts.bash(host, MOUNTED)).toMatch(new RegExp(`^${lab.hosts.address('u1')}:/export +nfs$`));
      await lab.untilState(host, 'storage', /^healthy/);
    }
    await expectShared('u2', 'u3');
    expect((await lab.install()).result).toMatchObject({ changed: 0 });
  });

  it('leaves what is on the server, by a purge, too', async () => {
    expect((await lab.caisson('--json', 'reset', '--purge', '--yes')).status).toBe(0);
    for (const host of ['u2', 'u3']) expect(await lab.hosts.bash(host, MOUNTED)).toBe('');
    expect(await lab.hosts.bash('u1', 'cat /export/lab-line; ls /export/writer')).toMatch(/^from u2.*\nu2\nu3$/);
  });
});

describe('storage: gfs', () => {
  it('mounts a volume of a GlusterFS server, on each of its hosts', async () => {
    await lab.hosts.installPackages('u1', ['glusterfs-server']);
    const volume = `systemctl start glusterd && mkdir -p /brick && gluster --mode=script volume create data "$1:/brick" force && gluster volume start data`;
    await lab.hosts.bash('u1', volume, lab.hosts.address('u1'));
    const nodes = [
      { ...U2, roles: ['manage'] },
      { ...U3, roles: ['compute'] },
    ];
    await lab.declare({ choice: 'gfs', servers: [lab.hosts.address('u1')], volume: 'data' }, nodes);
    await expectInstalled();
    for (const host of ['u2', 'u3']) {
      console.log(`      ${await lab.hosts.bash(host, MOUNTED)}`);
      await lab.untilState(host, 'storage', /^healthy/);
    }
    await expectShared('u2', 'u3');
    expect((await lab.install()).result).toMatchObject({ changed: 0 });
  });

  it('leaves what is in the volume, by a purge, too', async () => {
    expect((await lab.caisson('--json', 'reset', '--purge', '--yes')).status).toBe(0);
    for (const host of ['u2', 'u3']) expect(await lab.hosts.bash(host, MOUNTED)).toBe('');
    expect(await lab.hosts.bash('u1', 'cat /brick/lab-line; ls /brick/writer')).toMatch(/^from u2.*\nu2\nu3$/);
  });
});
