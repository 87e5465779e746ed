import { chmod, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createReadStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from './engine.ts';
import { run, type RunOptions, type RunResult } from './run.ts';
import { ownLabName, removeRunDirectories, repositoryRoot, runDirectory } from './state.ts';
import { heldCapabilities } from './capabilities.ts';
import { createNetwork, removeNetworks } from './network.ts';

export interface NodeRequest {
  /** Host name of the node, for example `m1`. */
  readonly name: string;
  /** Last number of its address; 11, 12, … in the order of the nodes when left out. */
  readonly octet?: number;
}

export interface LabRequest {
  /** Names the lab's containers and network; a leftover of the same name is removed first. */
  readonly name: string;
  readonly engine: Engine;
  /** A node image, from `ensureNodeImage`. */
  readonly image: string;
  readonly nodes: readonly NodeRequest[];
  /** False joins the nodes to an ordinary network with a way out: only to show that the air gap test can fail. */
  readonly airGap?: boolean;
}

export interface LabNode {
  readonly name: string;
  readonly address: string;
  /** Name of the container that plays the host: `docker exec -it CONTAINER bash` looks around. */
  readonly container: string;
  /** `ssh-ed25519 AAAA…`, the node's own host key. */
  readonly hostKey: string;
}

/** Hosts that run systemd, sshd and, once installed, an engine of their own. */
export interface Lab {
  readonly name: string;
  readonly nodes: readonly LabNode[];
  readonly subnet: string;
  /** Address of the outer machine on the lab's network. */
  readonly gateway: string;
  /** A private key that root and `site` (sudo without a password) of every node accept. */
  readonly identityFile: string;
  /** The host keys of all nodes, by address and by name. */
  readonly knownHostsFile: string;
  node(name: string): LabNode;
  /** Runs a program as root inside a node, without ssh. A status other than 0 throws unless `expect` is `any`. */
  exec(node: string, argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Puts a file of this machine at an absolute path of the node; missing folders are made. */
  copyTo(node: string, local: string, remote: string, mode?: number): Promise<void>;
  readFile(node: string, path: string): Promise<string>;
  /** Gives root of a node the identity and the known hosts, so that it can log in to the others. */
  makeSeed(node: string): Promise<void>;
  /** Runs a command over the real ssh client of this machine, with strict host keys. */
  ssh(node: string, command: string, options?: RunOptions & { readonly user?: string }): Promise<RunResult>;
  /**
   * Joins a node to a second network that has nothing but the node and this machine: what listens at the address of this machine there, the
   * other nodes do not reach. Resolves to that address. Once in the life of a lab.
   */
  openOutside(node: string): Promise<string>;
  /** Ends a node without warning and removes all that was on it: it never comes back. */
  lose(node: string): Promise<void>;
  /** Removes every container, network and folder of the lab. Safe to call twice. */
  stop(): Promise<void>;
}

const LABEL = 'caisson.lab';
/** Directory of the checkout that made a host. */
const FROM_LABEL = 'caisson.lab.from';

/**
 * What a node does before it becomes init. Docker mounts three files over /etc, which no real host has and which cannot be
 * replaced by rename: the node gets plain ones. An internal network of Docker still leads to the outer machine, which answers at
 * the gateway's address and, through the default route, at all its others: a datacenter has no such neighbour, so the node has
 * no default route and opens no connection to the gateway.
 *
 * For kubelet: of /proc/sys only the part of the network is the node's own and becomes writable; six settings of the whole machine that
 * kubelet insists on are covered by files that say so. Hosts of the lab share one tree of control groups, where two kubelets would take each
 * other's pods for orphans: a node sees its own part as the whole tree, and again at the path that the kernel says, where systemd looks for
 * it. br_netfilter is part of this kernel or loaded, and no node may load modules, so it counts as built in.
 */
const BOOT = `set -e
umount /etc/hosts /etc/hostname /etc/resolv.conf
echo "$LAB_NAME" > /etc/hostname
printf '127.0.0.1\\tlocalhost\\n127.0.1.1\\t%s\\n' "$LAB_NAME" > /etc/hosts
: > /etc/resolv.conf
if [ -n "$LAB_GATEWAY" ]; then
  ip route del default 2>/dev/null || true
  iptables -I OUTPUT -d "$LAB_GATEWAY" -m conntrack --ctstate NEW -j REJECT --reject-with icmp-net-unreachable
fi
mount --bind /proc/sys/net /proc/sys/net
mount -o remount,bind,rw /proc/sys/net
mkdir -p /run/sysctl
cover() {
  file=/run/sysctl/$(echo "$1" | tr / .)
  echo "$2" > "$file"
  mount --bind "$file" "/proc/sys/$1"
}
cover vm/overcommit_memory 1
cover vm/panic_on_oom 0
cover kernel/panic 10
cover kernel/panic_on_oops 1
cover kernel/keys/root_maxkeys 1000000
cover kernel/keys/root_maxbytes 25000000
[ -e /dev/kmsg ] || mknod /dev/kmsg c 1 11
modules="/lib/modules/$(uname -r)"
mkdir -p "$modules"
if ! grep -qs br_netfilter "$modules/modules.builtin"; then echo kernel/net/bridge/br_netfilter.ko >> "$modules/modules.builtin"; fi
depmod 2>/dev/null
if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
  own=$(sed -n 's#^[0-9]*:memory:##p' /proc/1/cgroup)
  for controller in $(awk '!/^#/ && $4 == 1 { print $1 }' /proc/cgroups); do
    grep -q " - cgroup [^ ]* [^ ]*\\b$controller\\b" /proc/self/mountinfo && continue
    mkdir -p "/sys/fs/cgroup/$controller"
    mount -t cgroup -o "$controller" cgroup "/sys/fs/cgroup/$controller" || true
  done
  for tree in $(sed -n 's#^.* \\(/sys/fs/cgroup/[^ /]*\\) .* - cgroup .*#\\1#p' /proc/self/mountinfo); do
    mkdir -p "$tree$own"
    mount --bind "$tree$own" "$tree"
    mkdir -p "$tree$own"
    mount --bind "$tree" "$tree$own"
  done
fi
mount --make-rshared /
unset LAB_NAME LAB_GATEWAY
exec /sbin/init`;

/**
 * Starts the hosts of one lab and waits until systemd runs on each of them. When anything fails, everything made is removed and the
 * error says what the failing node printed.
 */
export async function startLab(request: LabRequest): Promise<Lab> {
  const { engine, airGap = true } = request;
  const name = ownLabName(request.name);
  if (!/^[a-z][a-z0-9-]{0,40}$/.test(name)) throw new Error(`The lab's name "${name}" is not letters, digits and hyphens`);
  const stop = (): Promise<void> => removeLab(engine, request.name);
  await stop();
  const directory = runDirectory(`lab-${name}`);
  try {
    const network = await createNetwork(engine, `caisson-lab-${name}`, { [LABEL]: name }, airGap);
    const identityFile = join(directory, 'identity');
    await makeKey(identityFile, 'lab');
    const nodes: LabNode[] = [];
    for (const [index, wanted] of request.nodes.entries()) {
      const address = network.address(wanted.octet ?? 11 + index);
      nodes.push(await createNode(request, wanted.name, address, network.name, airGap ? network.gateway : '', directory));
    }
    const knownHostsFile = join(directory, 'known_hosts');
    await writeFile(knownHostsFile, nodes.map((node) => `${node.address},${node.name} ${node.hostKey}\n`).join(''));
    const lab = makeLab({ request, nodes, subnet: network.subnet, gateway: network.gateway, identityFile, knownHostsFile, stop });
    await Promise.all(nodes.map((node) => engine.docker(['start', node.container])));
    await Promise.all(nodes.map((node) => waitForSystemd(engine, lab, node)));
    return lab;
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * Returns the directory of another checkout that made the hosts of a lab of this name; undefined where there are none, or where this checkout
 * made them.
 */
export async function otherOwner(engine: Engine, name: string): Promise<string | undefined> {
  const format = `{{.Label "${FROM_LABEL}"}}`;
  const { stdout } = await engine.docker(['ps', '--all', '--filter', `label=${LABEL}=${ownLabName(name)}`, '--format', format]);
  return stdout.split('\n').find((owner) => owner !== '' && owner !== repositoryRoot());
}

/** Removes what a lab of this name left on the engine, whoever started it. */
export async function removeLab(engine: Engine, lab: string): Promise<void> {
  const name = ownLabName(lab);
  const filter = ['--filter', `label=${LABEL}=${name}`];
  const containers = words((await engine.docker(['ps', '-aq', ...filter])).stdout);
  const cgroups = await innerContainers(engine, containers);
  if (containers.length > 0) await engine.docker(['rm', '--force', '--volumes', ...containers]);
  const networks = words((await engine.docker(['network', 'ls', '-q', ...filter])).stdout);
  await removeNetworks(engine, networks);
  await removeCgroups(cgroups);
  await removeRunDirectories(`lab-${name}`);
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

/** The ids of containers that run inside nodes; on cgroup v1 their groups lie in the outer machine's tree and would stay. */
async function innerContainers(engine: Engine, nodes: readonly string[]): Promise<string[]> {
  if (existsSync('/sys/fs/cgroup/cgroup.controllers')) return [];
  const listed = await Promise.all(
    nodes.map((node) => engine.docker(['exec', node, 'ls', '/var/lib/docker/containers'], { expect: 'any', timeout: 10_000 })),
  );
  return listed.flatMap((result) => (result.status === 0 ? words(result.stdout) : [])).filter((id) => /^[0-9a-f]{64}$/.test(id));
}

async function removeCgroups(ids: readonly string[]): Promise<void> {
  if (process.getuid?.() !== 0) return;
  for (const id of ids) {
    const found = await run(['find', '/sys/fs/cgroup', '-depth', '-type', 'd', '-path', `*/${id}*`], { expect: 'any' });
    for (const path of words(found.stdout)) await run(['rmdir', path], { expect: 'any' });
  }
}

async function makeKey(file: string, comment: string): Promise<void> {
  await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', file]);
}

async function createNode(
  request: LabRequest,
  name: string,
  address: string,
  network: string,
  gateway: string,
  directory: string,
): Promise<LabNode> {
  const { engine } = request;
  const lab = ownLabName(request.name);
  const container = `caisson-lab-${lab}-${name}`;
  const flags = [
    [
      'create',
      '--name',
      container,
      '--hostname',
      name,
      '--label',
      `${LABEL}=${lab}`,
      '--label',
      `${FROM_LABEL}=${repositoryRoot()}`,
      '--stop-signal',
      'SIGRTMIN+3',
    ],
    // The name server is an address that nothing has: an engine that forwards questions of internal networks finds nobody.
    ['--network', network, '--ip', address, '--dns', '198.51.100.1'],
    heldCapabilities().flatMap((capability) => ['--cap-add', capability]),
    // As on any host, programs may listen on ::1.
    existsSync('/proc/sys/net/ipv6') ? ['--sysctl', 'net.ipv6.conf.lo.disable_ipv6=0'] : [],
    ['--security-opt', 'seccomp=unconfined', '--security-opt', 'apparmor=unconfined'],
    ['--device-cgroup-rule', 'a *:* rwm', '--cgroupns', 'host', '--volume', '/sys/fs/cgroup:/sys/fs/cgroup:rw'],
    ['--tmpfs', '/run', '--tmpfs', '/run/lock', '--volume', '/var/lib/docker', '--volume', '/var/lib/containerd'],
    ['--env', 'container=docker', '--env', `LAB_NAME=${name}`, '--env', `LAB_GATEWAY=${gateway}`],
    ['--entrypoint', '/bin/sh', request.image, '-c', BOOT],
  ];
  await engine.docker(flags.flat());
  const files = join(directory, name);
  await mkdir(join(files, 'ssh'), { recursive: true });
  const key = join(files, 'ssh', 'ssh_host_ed25519_key');
  await makeKey(key, name);
  await mkdir(join(files, '.ssh'), { mode: 0o700 });
  await cp(join(directory, 'identity.pub'), join(files, '.ssh', 'authorized_keys'));
  await chmod(join(files, '.ssh', 'authorized_keys'), 0o600);
  await engine.docker(['cp', `${join(files, 'ssh')}/.`, `${container}:/etc/ssh/`]);
  await engine.docker(['cp', `${join(files, '.ssh')}/.`, `${container}:/root/.ssh/`]);
  const [type = '', value = ''] = (await readFile(`${key}.pub`, 'utf8')).split(' ');
  return { name, address, container, hostKey: `${type} ${value}` };
}

async function waitForSystemd(engine: Engine, lab: Lab, node: LabNode): Promise<void> {
  const started = performance.now();
  let state = '';
  while (performance.now() - started < 90_000) {
    const asked = await lab.exec(node.name, ['systemctl', 'is-system-running'], { expect: 'any', timeout: 20_000 });
    state = asked.stdout.trim() || asked.stderr.trim();
    if (state === 'running') {
      await lab.exec(node.name, [
        'sh',
        '-c',
        'install -d -m 0700 -o site -g site ~site/.ssh && install -m 0600 -o site -g site ~/.ssh/authorized_keys ~site/.ssh/',
      ]);
      return;
    }
    if (state === 'degraded') break;
    await sleep(500);
  }
  const failed = await lab.exec(node.name, ['systemctl', 'list-units', '--failed', '--no-legend', '--plain'], { expect: 'any' });
  const logs = await engine.docker(['logs', '--tail', '30', node.container], { expect: 'any' });
  throw new Error(
    `systemd on "${node.name}" is "${state}" after 90 s; failed units: ${failed.stdout.trim()}\n${logs.stdout}${logs.stderr}`,
  );
}

interface LabParts extends Pick<Lab, 'nodes' | 'subnet' | 'gateway' | 'identityFile' | 'knownHostsFile' | 'stop'> {
  readonly request: LabRequest;
}

function makeLab({ request, nodes, ...parts }: LabParts): Lab {
  const node = (name: string): LabNode => {
    const found = nodes.find((one) => one.name === name);
    if (found === undefined) throw new Error(`The lab has no node "${name}"`);
    return found;
  };
  const exec: Lab['exec'] = (name, argv, options = {}) =>
    request.engine.docker(['exec', ...(options.input === undefined ? [] : ['--interactive']), node(name).container, ...argv], options);
  const copyTo: Lab['copyTo'] = async (name, local, remote, mode = 0o644) => {
    // Not "docker cp": it does not see what is mounted inside a running container.
    const script = 'set -e; mkdir -p "$(dirname "$1")"; cat > "$1"; chmod "$2" "$1"';
    const argv = ['sh', '-c', script, 'copy', remote, mode.toString(8)];
    await exec(name, argv, { input: createReadStream(local, { highWaterMark: 1024 * 1024 }), timeout: 1_200_000 });
  };
  return {
    name: request.name,
    nodes,
    ...parts,
    node,
    exec,
    copyTo,
    readFile: async (name, path) => (await exec(name, ['cat', path])).stdout,
    makeSeed: async (name) => {
      await copyTo(name, parts.identityFile, '/root/.ssh/id_ed25519', 0o600);
      await copyTo(name, parts.knownHostsFile, '/root/.ssh/known_hosts', 0o644);
    },
    openOutside: async (name) => {
      const lab = ownLabName(request.name);
      const network = await createNetwork(request.engine, `caisson-lab-${lab}-outside`, { [LABEL]: lab }, true);
      await request.engine.docker(['network', 'connect', network.name, node(name).container]);
      return network.gateway;
    },
    lose: async (name) => {
      const { container } = node(name);
      const cgroups = await innerContainers(request.engine, [container]);
      await request.engine.docker(['rm', '--force', '--volumes', container]);
      await removeCgroups(cgroups);
    },
    ssh: (name, command, { user = 'root', ...options } = {}) => {
      const argv = [
        ['ssh', '-F', 'none', '-i', parts.identityFile, '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=10'],
        ['-o', 'StrictHostKeyChecking=yes', '-o', `UserKnownHostsFile=${parts.knownHostsFile}`, '-o', 'GlobalKnownHostsFile=none'],
        [`${user}@${node(name).address}`, command],
      ];
      return run(argv.flat(), options);
    },
  };
}
