import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { chmod, cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from '../engine.ts';
import type { Lab } from '../hosts.ts';
import { openPackageSource } from '../images/packages.ts';
import { HOST_CUSTOMIZE, HOST_PACKAGES, makeHostRoot } from '../node-image.ts';
import { aptMirror } from '../prerequisites.ts';
import { run, type RunResult } from '../run.ts';
import { cacheDirectory, ownLabName, recipeKey, runDirectory } from '../state.ts';

/**
 * Hosts with a kernel of their own (User Mode Linux), on the network of a lab whose other hosts are containers: for what the kernel of this
 * machine cannot do, such as NFS. Each has one processor, and disks and memory of its own.
 */
export interface UmlHosts {
  /** Lines of known_hosts. */
  readonly knownHosts: string;
  address(name: string): string;
  /** Runs a bash script as root, by ssh from a container of the lab, whatever its status. */
  try(name: string, script: string, ...parameters: readonly string[]): Promise<RunResult>;
  /** The same; resolves to the standard output without its last newline, and throws for another status than 0. */
  bash(name: string, script: string, ...parameters: readonly string[]): Promise<string>;
  /** Copies a file of this machine to an absolute path of the host, past its slow network. */
  place(name: string, local: string, remote: string, mode?: number): Promise<void>;
  /** Installs packages of the mirror, with files that are placed there. Resolves to the names of those that the host did not have. */
  installPackages(name: string, packages: readonly string[]): Promise<readonly string[]>;
  stop(): Promise<void>;
}

interface UmlRequest {
  readonly engine: Engine;
  readonly lab: Lab;
  /** The container from which the hosts are reached. */
  readonly from: string;
  readonly names: readonly string[];
  readonly say: (line: string) => void;
}

const MEMORY = '640M';
const BOOT_MS = 600_000;
const SOURCES = ['lab-boot', 'lab-boot.service'] as const;

interface Base {
  readonly program: string;
  readonly disk: string;
}

/** The program and the disk that all hosts begin with, made once into the cache. */
async function ensureBase(say: UmlRequest['say']): Promise<Base> {
  const mirror = aptMirror();
  const texts = await Promise.all(SOURCES.map((name) => readFile(join(import.meta.dirname, name), 'utf8')));
  const key = recipeKey('1', mirror.main, ...HOST_PACKAGES, ...HOST_CUSTOMIZE, ...texts);
  const directory = cacheDirectory('uml', key);
  const base: Base = { program: join(directory, 'usr/bin/linux.uml'), disk: join(directory, 'base.img') };
  if (existsSync(base.disk)) return base;
  say('Making the disk of hosts with a kernel of their own');
  const packages = await openPackageSource(cacheDirectory('apt'), mirror);
  const files = await packages.closure(['user-mode-linux']);
  const deb = files.get('user-mode-linux');
  if (deb === undefined) throw new Error('The mirror has no package user-mode-linux');
  await run(['dpkg-deb', '--extract', deb, directory]);
  const work = runDirectory('uml-base');
  try {
    const own = [
      `mkdir -p "$1/usr/lib/modules" && cp -a ${join(directory, 'usr/lib/uml/modules')}/. "$1/usr/lib/modules/"`,
      `install -m 0755 ${join(import.meta.dirname, 'lab-boot')} "$1/usr/local/sbin/lab-boot"`,
      `install -m 0644 ${join(import.meta.dirname, 'lab-boot.service')} "$1/etc/systemd/system/lab-boot.service"`,
      'chroot "$1" systemctl enable lab-boot.service',
      'chroot "$1" systemctl mask serial-getty@.service e2scrub_reap.service',
      'echo "/dev/ubda / ext4 defaults 0 1" > "$1/etc/fstab"',
    ];
    const archive = join(work, 'root.tar');
    await makeHostRoot(archive, own, mirror);
    await mkdir(join(work, 'root'));
    await run(['tar', '--extract', '--file', archive, '--directory', join(work, 'root')]);
    await run(['mke2fs', '-q', '-t', 'ext4', '-d', join(work, 'root'), join(work, 'base.img'), '3G']);
    await rename(join(work, 'base.img'), base.disk);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return base;
}

/** Boots hosts and waits until systemd runs on each of them. When anything fails, all that was made is removed. */
export async function startUmlHosts(request: UmlRequest): Promise<UmlHosts> {
  const { engine, lab, names, say } = request;
  const base = await ensureBase(say);
  const network = await engine.docker(['network', 'inspect', '--format', '{{.Id}}', `caisson-lab-${ownLabName(lab.name)}`]);
  const bridge = `br-${network.stdout.trim().slice(0, 12)}`;
  const directory = runDirectory('uml-hosts');
  const hosts: UmlHost[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(hosts.map((host) => host.stop()));
    await rm(directory, { recursive: true, force: true });
  };
  try {
    for (const [index, name] of names.entries()) {
      const address = lab.gateway.replace(/\d+$/, String(101 + index));
      const host = await UmlHost.prepare({ name, address, gateway: lab.gateway, bridge, directory: join(directory, name), base, lab });
      hosts.push(host);
    }
    const uml = new LabUmlHosts(request, hosts, stop);
    await lab.copyTo(request.from, lab.identityFile, '/root/.ssh/id_ed25519', 0o600);
    const known = join(directory, 'known_hosts');
    await writeFile(known, uml.knownHosts);
    await lab.copyTo(request.from, known, '/root/.ssh/known_hosts');
    await Promise.all(hosts.map((host) => host.boot()));
    await Promise.all(names.map((name) => uml.waitForSystemd(name)));
    return uml;
  } catch (error) {
    const printed = hosts.map((host) => `${host.name}: ${host.printed()}`).join('\n');
    await stop();
    throw new Error(`The hosts with a kernel of their own did not start\n${printed}`, { cause: error });
  }
}

interface Preparation {
  readonly name: string;
  readonly address: string;
  readonly gateway: string;
  readonly bridge: string;
  readonly directory: string;
  readonly base: Base;
  readonly lab: Lab;
}

class UmlHost {
  readonly name: string;
  readonly address: string;
  readonly hostKey: string;
  readonly #parts: Preparation;
  readonly #tap: string;
  #pid: number | undefined;

  private constructor(parts: Preparation, hostKey: string) {
    this.name = parts.name;
    this.address = parts.address;
    this.hostKey = hostKey;
    this.#parts = parts;
    this.#tap = `cl${recipeKey(ownLabName(parts.lab.name), parts.name).slice(0, 10)}`;
  }

  /** Makes the keys of the host and the archive that it unpacks when it boots. */
  static async prepare(parts: Preparation): Promise<UmlHost> {
    const { directory, lab, name } = parts;
    const root = join(directory, 'root');
    await mkdir(join(root, 'etc/ssh'), { recursive: true });
    await mkdir(join(root, 'root/.ssh'), { recursive: true, mode: 0o700 });
    await chmod(join(root, 'root'), 0o700);
    const key = join(root, 'etc/ssh/ssh_host_ed25519_key');
    await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', key]);
    await cp(`${lab.identityFile}.pub`, join(root, 'root/.ssh/authorized_keys'));
    await chmod(join(root, 'root/.ssh/authorized_keys'), 0o600);
    const archive = ['--create', '--file', join(directory, 'own.tar'), '--owner=0', '--group=0', '--numeric-owner'];
    await run(['tar', ...archive, '--directory', root, 'etc/ssh/ssh_host_ed25519_key', 'etc/ssh/ssh_host_ed25519_key.pub', 'root/.ssh']);
    const [type = '', value = ''] = (await readFile(`${key}.pub`, 'utf8')).split(' ');
    return new UmlHost(parts, `${type} ${value}`);
  }

  async boot(): Promise<void> {
    const { name, address, gateway, bridge, directory, base } = this.#parts;
    await run(['ip', 'link', 'delete', this.#tap], { expect: 'any' });
    await run(['ip', 'tuntap', 'add', this.#tap, 'mode', 'tap']);
    await run(['ip', 'link', 'set', this.#tap, 'master', bridge, 'up']);
    const log = openSync(join(directory, 'console'), 'w');
    const words = [
      [`mem=${MEMORY}`, `ubda=${join(directory, 'disk.cow')},${base.disk}`, `ubdb=${join(directory, 'own.tar')}`, 'root=/dev/ubda', 'rw'],
      [`vec0:transport=tap,ifname=${this.#tap},depth=64,gro=1`, `lab.name=${name}`, `lab.address=${address}`, `lab.gateway=${gateway}`],
      [
        'con=null',
        'con0=null,fd:1',
        `umid=${this.#tap}`,
        `uml_dir=${directory}`,
        'systemd.unified_cgroup_hierarchy=1',
        'systemd.show_status=0',
      ],
    ];
    const env = { ...process.env, TMPDIR: '/dev/shm' };
    const child = spawn(base.program, words.flat(), { stdio: ['ignore', log, log], detached: true, env });
    closeSync(log);
    this.#pid = child.pid;
    child.unref();
  }

  /** The end of what its console printed. */
  printed(): string {
    const file = join(this.#parts.directory, 'console');
    return existsSync(file) ? readFileSync(file, 'utf8').slice(-1500) : '';
  }

  async stop(): Promise<void> {
    if (this.#pid !== undefined) {
      // The process group: each process of the host is one of this machine, too.
      await run(['kill', '-KILL', '--', `-${this.#pid}`], { expect: 'any' });
    }
    await run(['ip', 'link', 'delete', this.#tap], { expect: 'any' });
  }
}

class LabUmlHosts implements UmlHosts {
  readonly #request: UmlRequest;
  readonly #hosts: readonly UmlHost[];
  readonly stop: () => Promise<void>;

  constructor(request: UmlRequest, hosts: readonly UmlHost[], stop: () => Promise<void>) {
    this.#request = request;
    this.#hosts = hosts;
    this.stop = stop;
  }

  get knownHosts(): string {
    return this.#hosts.map(({ name, address, hostKey }) => `${address},${name} ${hostKey}\n`).join('');
  }

  address(name: string): string {
    const host = this.#hosts.find((one) => one.name === name);
    if (host === undefined) throw new Error(`There is no host "${name}"`);
    return host.address;
  }

  try(name: string, script: string, ...parameters: readonly string[]): Promise<RunResult> {
    // What ssh joins is a line for the shell of the host, so the parameters travel in the script.
    const quoted = parameters.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
    const input = `set -- ${quoted}\n${script}\n`;
    const ssh = ['ssh', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=20', '-o', 'ServerAliveInterval=30', `root@${this.address(name)}`];
    return this.#request.lab.exec(this.#request.from, [...ssh, 'bash', '-s'], { input, expect: 'any', timeout: 900_000 });
  }

  async bash(name: string, script: string, ...parameters: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await this.try(name, `set -euo pipefail\n${script}`, ...parameters);
    if (status !== 0) throw new Error(`A script on "${name}" ended with status ${status}: ${stderr.trim()}\n${stdout.trim()}\n${script}`);
    return stdout.replace(/\n$/, '');
  }

  async place(name: string, local: string, remote: string, mode = 0o755): Promise<void> {
    const script = `mkdir -p /run/lab && mount -t hostfs none /run/lab -o "$1"
trap 'umount /run/lab' EXIT
install -D -m "$4" "/run/lab/$2" "$3"`;
    await this.bash(name, script, dirname(local), basename(local), remote, mode.toString(8));
  }

  async installPackages(name: string, packages: readonly string[]): Promise<readonly string[]> {
    const files = await (await openPackageSource(cacheDirectory('apt'), aptMirror())).closure(packages);
    // A package that was removed and left its configuration is in the list, too.
    const installed = "dpkg-query --show --showformat='${db:Status-Status} ${Package}\\n' | sed -n 's/^installed //p'";
    const known = new Set((await this.bash(name, installed)).split('\n'));
    const missing = [...files].filter(([one]) => !known.has(one));
    for (const [, file] of missing) await this.place(name, file, `/root/packages/${basename(file)}`, 0o644);
    // apt-get takes files in the order of their pre-dependencies, which dpkg does not.
    const install = 'apt-get install --quiet --assume-yes --no-install-recommends /root/packages/*.deb';
    await this.bash(name, `DEBIAN_FRONTEND=noninteractive ${install} >/dev/null && rm -r /root/packages`);
    return missing.map(([one]) => one);
  }

  async waitForSystemd(name: string): Promise<void> {
    const started = performance.now();
    let seen = '';
    while (performance.now() - started < BOOT_MS) {
      const asked = await this.try(name, 'systemctl is-system-running');
      seen = `${asked.stdout}${asked.stderr}`.trim();
      if (asked.stdout.trim() === 'running') return;
      if (asked.stdout.trim() === 'degraded') break;
      await sleep(2000);
    }
    const failed = await this.try(name, 'systemctl list-units --failed --no-legend --plain');
    throw new Error(`systemd on "${name}" is "${seen}"; failed units: ${failed.stdout.trim()}`);
  }
}
