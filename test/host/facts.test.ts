import { describe, expect, it } from 'vitest';
import { fixedClock, systemClock } from '../../src/core/index.ts';
import { parseFacts } from '../../src/host/facts.ts';
import { gatherFacts, openLocalHost } from '../../src/host/index.ts';
import { parseAddresses, parseRoutes } from '../../src/host/network-facts.ts';
import { parseSockets } from '../../src/host/socket-facts.ts';
import { FACTS_SCRIPT } from '../../src/host/facts-script.ts';
import { fakeHost } from '../support/fake-host.ts';

/** As a Debian 12 host answered. */
const RECORDED = `@@ time
1795373687.313419182
@@ hostname
m1
@@ os-release
PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
@@ kernel
6.1.0-28-amd64
@@ machine
x86_64
@@ dpkg-architecture
amd64
@@ systemd
degraded
@@ cpus
4
@@ meminfo
MemTotal:        8025484 kB
MemFree:         1403452 kB
SwapTotal:       1048572 kB
SwapFree:        1048572 kB
@@ overcommit
0
@@ selinux
1
containers
@@ cgroup
2
@@ machine-id
3d1219c7c4c5404aaa1f6d2a48adfda4
@@ product-uuid
EC2E1916-9099-7CAF-FD21-012345ABCDEF
@@ docker
Docker version 20.10.24+dfsg1, build 297e128
@@ hosts
127.0.0.1 localhost
# a comment
10.0.0.11 m1 m1.example  # another
::1 localhost ip6-localhost
@@ addresses
1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever
2: eth0    inet 10.0.0.11/24 brd 10.0.0.255 scope global eth0\\       valid_lft forever preferred_lft forever
2: eth0    inet6 fe80::fc:ff:fe00:1/64 scope link \\       valid_lft forever preferred_lft forever
@@ routes
Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	0100000A	0003	0	0	0	00000000	0	0	0
eth0	0000000A	00000000	0001	0	0	0	00FFFFFF	0	0	0
docker0	000011AC	00000000	0001	0	0	0	0000FFFF	0	0	0
@@ sockets
ss
udp   UNCONN 0      0               127.0.0.53%lo:53        0.0.0.0:*    users:(("systemd-resolve",pid=400,fd=13))
tcp   LISTEN 0      128                   0.0.0.0:22        0.0.0.0:*    users:(("sshd",pid=600,fd=3))
tcp   LISTEN 0      128                      [::]:22           [::]:*    users:(("sshd",pid=600,fd=4))
tcp   LISTEN 0      511                         *:80              *:*    users:(("nginx",pid=9,fd=6),("nginx",pid=8,fd=6),("my master",pid=7,fd=6))
@@ filesystem /
/dev/sda1       105089261568 18160181248 82633113088      19% /
@@ filesystem /var/lib/docker
/dev/mapper/data vol 270553174016 181248 79633113088       1% /var/lib/my data
@@ end
`;

const CONTEXT = { host: 'm1', before: 1795373687_000, after: 1795373688_000, paths: ['/', '/var/lib/docker'] };

describe('parseFacts', () => {
  it('reads what a host answered', () => {
    expect(parseFacts(RECORDED, CONTEXT)).toEqual({
      hostname: 'm1',
      os: { id: 'debian', version: '12', name: 'Debian GNU/Linux 12 (bookworm)' },
      kernel: '6.1.0-28-amd64',
      architecture: 'amd64',
      systemd: 'degraded',
      cpus: 4,
      memoryBytes: 8025484 * 1024,
      swapBytes: 1048572 * 1024,
      overcommitMemory: 0,
      selinux: { isEnforcing: true, hasContainerPolicy: true },
      cgroupVersion: 2,
      machineId: '3d1219c7c4c5404aaa1f6d2a48adfda4',
      productUuid: 'ec2e1916-9099-7caf-fd21-012345abcdef',
      hostNames: [
        { address: '127.0.0.1', names: ['localhost'] },
        { address: '10.0.0.11', names: ['m1', 'm1.example'] },
        { address: '::1', names: ['localhost', 'ip6-localhost'] },
      ],
      addresses: ['127.0.0.1', '10.0.0.11', 'fe80::fc:ff:fe00:1'],
      routes: ['10.0.0.0/24', '172.17.0.0/16'],
      sockets: [
        { protocol: 'tcp', address: '0.0.0.0', port: 22, processes: ['sshd'] },
        { protocol: 'tcp', address: '::', port: 22, processes: ['sshd'] },
        { protocol: 'udp', address: '127.0.0.53', port: 53, processes: ['systemd-resolve'] },
        { protocol: 'tcp', address: '::', port: 80, processes: ['nginx', 'my master'] },
      ],
      fileSystems: new Map([
        ['/', { device: '/dev/sda1', mount: '/', sizeBytes: 105089261568, freeBytes: 82633113088 }],
        ['/var/lib/docker', { device: '/dev/mapper/data vol', mount: '/var/lib/my data', sizeBytes: 270553174016, freeBytes: 79633113088 }],
      ]),
      clockDifferenceMs: 0,
    });
  });

  it.each([
    [{ before: 1795373680_000, after: 1795373681_000 }, 6313],
    [{ before: 1795373690_000, after: 1795373691_000 }, -2687],
  ])('measures the clock against ours %o', (times, difference) => {
    expect(parseFacts(RECORDED, { ...CONTEXT, ...times }).clockDifferenceMs).toBe(difference);
  });

  it('takes a host without systemd, docker, swap, dpkg and ids as it is', () => {
    const bare = RECORDED.replace('degraded\n', '')
      .replace(/Docker version.*\n/, '')
      .replace(/Swap.*\n/g, '')
      .replace('@@ dpkg-architecture\namd64', '@@ dpkg-architecture')
      .replace(/EC2E.*\n/, '')
      .replace(/^VERSION_ID.*\n/m, '');
    expect(parseFacts(bare, CONTEXT)).toMatchObject({
      systemd: undefined,
      swapBytes: 0,
      productUuid: undefined,
      os: { version: '' },
    });
  });

  it.each([
    ['cut short', RECORDED.replace('@@ end\n', ''), /Cannot read "end" of "m1": the answer is cut short/],
    ['without memory', RECORDED.replace('MemTotal', 'MemTotalled'), /MemTotal is missing/],
    ['without an ID', RECORDED.replace(/^ID=.*$/m, ''), /"os-release" of "m1": ID is missing/],
    ['with a strange number of CPUs', RECORDED.replace('@@ cpus\n4', '@@ cpus\nfour'), /"four" makes no sense/],
    ['with a strange file system', RECORDED.replace('82633113088', 'x'), /"filesystem \/" of "m1"/],
    ['without a section', RECORDED.replace('@@ kernel\n6.1.0-28-amd64\n', ''), /Cannot read "kernel" of "m1": it is missing/],
  ])('refuses an answer %s', (_what, text, message) => {
    expect(() => parseFacts(text, CONTEXT)).toThrow(message);
    expect(() => parseFacts(text, CONTEXT)).toThrow(expect.objectContaining({ code: 'HOST_FACTS_INVALID', exitStatus: 6 }));
  });
});

describe('a host without iproute2', () => {
  it('is asked through the kernel for sockets, IPv6 too, with the names of processes', () => {
    const text = `proc
tcp    0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1088 1 000000000367b899 100 0 0 10 0
tcp    1: 0100007F:85BF 0100007F:CB7E 06 00000000:00000000 03:00000000 00000000     0        0 0 3 000000003fd34f28
tcp6    0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2001 1 0
tcp6    1: 000080FE00000000FF00FC000100FEFF:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2002 1 0
udp   10: 3500007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 3001 2 0 0
process 1088 600 sshd 
process 2001 700 my server
process 2001 701 my server
`;
    expect(parseSockets(text)).toEqual([
      { protocol: 'tcp', address: '0.0.0.0', port: 22, processes: ['sshd'] },
      { protocol: 'udp', address: '127.0.0.53', port: 53, processes: [] },
      { protocol: 'tcp', address: '::', port: 80, processes: ['my server'] },
      { protocol: 'tcp', address: 'fe80::fc:ff:fffe:1', port: 8080, processes: [] },
    ]);
  });

  it('is asked through hostname for addresses', () => {
    expect(parseAddresses('192.0.2.2 172.17.0.1 fd00::2 \n')).toEqual(['192.0.2.2', '172.17.0.1', 'fd00::2']);
    expect(parseAddresses('')).toEqual([]);
  });

  it('passes over lines of other files', () => {
    expect(parseRoutes('')).toEqual([]);
    expect(parseRoutes('Iface\nnonsense\n')).toEqual([]);
    expect(parseSockets('')).toEqual([]);
    expect(parseSockets('ss\ngarbage\ntcp LISTEN\n')).toEqual([]);
  });
});

describe('gatherFacts', () => {
  it('works on this machine, for paths that do not exist yet too', async () => {
    const facts = await gatherFacts(openLocalHost({ name: 'here' }), { clock: systemClock, paths: ['/', '/no/such/path'] });
    expect(facts.cpus).toBeGreaterThan(0);
    expect(facts.memoryBytes).toBeGreaterThan(2 ** 20);
    expect(facts.addresses).toContain('127.0.0.1');
    expect(Math.abs(facts.clockDifferenceMs)).toBeLessThan(1000);
    expect(facts.fileSystems.get('/no/such/path')?.mount).toBe('/');
    expect(facts.fileSystems.get('/')?.freeBytes).toBeGreaterThan(0);
  });

  it('finds the same without iproute2 as with it', async () => {
    const local = openLocalHost({ name: 'here' });
    const without = FACTS_SCRIPT.replaceAll('have ip;', 'false;').replaceAll('have ss;', 'false;');
    const run = async (script: string): Promise<ReturnType<typeof parseFacts>> => {
      const { stdout } = await local.run({ argv: ['/bin/sh', '-s', '--', '/'], input: script });
      return parseFacts(stdout, { host: 'here', before: 0, after: 0, paths: ['/'] });
    };
    const [first, second] = [await run(FACTS_SCRIPT), await run(without)];
    // hostname -I leaves out loopback and link-local addresses.
    expect(first.addresses).toEqual(expect.arrayContaining([...second.addresses]));
    expect(second.addresses.length).toBeGreaterThan(0);
    expect(second.hostname).toBe(first.hostname);
  });

  it('asks in one command, without a word of it in the arguments', async () => {
    const host = fakeHost({
      name: 'm1',
      replies: [{ argv: ['/bin/sh', '-s', '--', '/', '/var/lib/docker'], answer: { stdout: RECORDED } }],
    });
    const facts = await gatherFacts(host, { clock: fixedClock(1795373687_400), paths: ['/', '/var/lib/docker'] });
    expect(host.commands).toHaveLength(1);
    expect(facts.clockDifferenceMs).toBe(-87);
  });
});
