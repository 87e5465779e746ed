import type { CommandResult } from '../../src/host/index.ts';
import { shippedManifests, type SampleBundle } from '../support/sample-install.ts';
import type { SimulatedMachine } from '../support/simulated-machine.ts';

/** Additions to the shipped manifests, for commands of the guide that the shipped platform has nothing for yet. */
const DATA = `directories: [{ path: "\${var.root}/data/dns", mode: '0700' }]
services:
`;
const OPTION = `options:
  - name: logging
    summary: Where logs go
    default: file
    choices:
      file: { summary: A file on each host }
      remote: { summary: A server of the site, values: { server: { type: host } } }
`;

/** The shipped platform with these additions. The next version has other settings of the monitor. */
export async function guideBundle(version: '5.1.11' | '5.1.12'): Promise<SampleBundle> {
  const { manifests, images } = await shippedManifests();
  const change = (path: string, from: string, to: string): Readonly<Record<string, string>> => {
    const text = manifests[path] ?? '';
    if (!text.includes(from)) throw new Error(`manifests/${path} has no ${JSON.stringify(from)}`);
    return { [path]: text.replace(from, to) };
  };
  const prometheus = 'components/rbd-monitor/prometheus.template';
  return {
    version,
    images,
    manifests: {
      ...manifests,
      ...change('platform.yaml', 'options:\n', OPTION),
      ...change('components/rbd-dns/component.yaml', 'services:\n', DATA),
      ...(version === '5.1.11' ? {} : { [prometheus]: `${manifests[prometheus] ?? ''}# ${version}\n` }),
    },
  };
}

/** The programs of the platform on simulated machines, and what they keep. */
export class GuidePlatform {
  readonly cordoned = new Set<string>();
  /** The password that the database takes. */
  password = '';
  /** True while the database refuses to change it. */
  refuses = false;
  /** Snapshots and dumps that were loaded, in order. */
  readonly loaded: string[] = [];

  equip(machine: SimulatedMachine, images: readonly string[]): void {
    const imageOf = (name: string): string => images.find((image) => image.startsWith(`goodrain.me/${name}:`)) ?? name;
    machine.programs.set('/usr/local/bin/kubectl', ([verb = '', name = '']) => {
      if (verb === 'cordon') this.cordoned.add(name);
      if (verb === 'uncordon') this.cordoned.delete(name);
      return {};
    });
    machine.programs.set(imageOf('etcd'), (words, host, flags) => this.#etcdctl(words, host, mountsOf(flags)));
    machine.programs.set(imageOf('rbd-db'), ([, script = ''], host, flags) => this.#database(script, host, mountsOf(flags)));
    machine.programs.set('/bin/mv', ([, from = '', to = ''], host) => {
      const moved = [...host.files].filter(([path]) => path.startsWith(`${from}/`));
      for (const [path, { content, mode }] of moved) {
        host.files.delete(path);
        host.write(`${to}${path.slice(from.length)}`, content, mode);
      }
      return moved.length > 0 ? {} : { exitCode: 1, stderr: `${from}: no such directory\n` };
    });
  }

  #etcdctl(words: readonly string[], host: SimulatedMachine, mounts: Mounts): Partial<CommandResult> {
    const [data, snapshot] = ['/opt/rainbond/data/etcd', mounts('/backup/snapshot.db')];
    // Every member votes from the start, so that what is asked of members is so already.
    if (!words.includes('snapshot')) return {};
    if (words.includes('save')) return copy(host, `${data}/member/db`, snapshot);
    this.loaded.push(host.text(snapshot));
    return copy(host, snapshot, `${data}/restored/member/db`);
  }

  #database(script: string, host: SimulatedMachine, mounts: Mounts): Partial<CommandResult> {
    const [tables, dump] = ['/opt/rainbond/data/mysql/tables', mounts('/backup/databases.sql')];
    const secret = (name: string): string => host.text(mounts(`/run/secrets/${name}`));
    if (script.includes('mysqldump')) return copy(host, tables, dump);
    if (script.includes('SELECT 1')) return secret('new') === this.password ? {} : { exitCode: 1, stderr: 'access denied\n' };
    if (script.includes('ALTER USER')) {
      if (this.refuses || secret('old') !== this.password) return { exitCode: 1, stderr: 'access denied\n' };
      this.password = secret('new');
      return {};
    }
    if (!secret('users.sql').includes('CREATE USER')) return { exitCode: 1, stderr: 'there are no users\n' };
    if (!script.includes('/backup/')) return {};
    this.loaded.push(host.text(dump));
    return copy(host, dump, tables);
  }
}

/** The path on the host of a path in a container. */
type Mounts = (path: string) => string;

function mountsOf(flags: readonly string[]): Mounts {
  const mounts = flags.filter((_, index) => flags[index - 1] === '--volume').map((mount) => mount.split(':'));
  return (path) => {
    const [from = '', to = ''] = mounts.find(([, inside = '']) => path === inside || path.startsWith(`${inside}/`)) ?? [];
    return `${from}${path.slice(to.length)}`;
  };
}

function copy(host: SimulatedMachine, from: string, to: string): Partial<CommandResult> {
  const file = host.files.get(from);
  if (file === undefined) return { exitCode: 1, stderr: `${from}: no such file\n` };
  host.write(to, file.content, 0o600);
  return {};
}
