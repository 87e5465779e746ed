import { Readable } from 'node:stream';
import { digestOf } from '../../src/core/index.ts';
import { KINDS } from '../../src/resources/kinds.ts';
import { fixedContent, type Specs } from '../../src/resources/index.ts';
import { mountUnitName } from '../../src/resources/mount.ts';
import { AGENT_UNIT, EXECUTABLE } from '../../src/site/index.ts';
import type { KindUnderTest } from '../contract/resource-kind.ts';
import { KIND_CONTEXT } from './kind-context.ts';
import { Installer, SimulatedMachine } from './simulated-machine.ts';

const MANIFEST = digestOf('manifest');
const CONFIG = digestOf('configuration');
const IMAGE = { name: 'registry.example/a:1', config: CONFIG, source: `depot:5000/registry.example/a@${MANIFEST}` };
const DEFINITIONS = '/opt/sample/conf';
const KEYS = '/root/.ssh/authorized_keys';

/** A resource with which a kind is tested on a simulated machine. */
interface Example<Spec> {
  readonly key: string;
  readonly spec: Spec | ((machine: SimulatedMachine) => Spec);
  readonly initially?: 'different';
  prepare?(machine: SimulatedMachine): void | Promise<void>;
  change(machine: SimulatedMachine): void | Promise<void>;
  neighbour(machine: SimulatedMachine): void;
  foreign?(machine: SimulatedMachine): void;
}

function file(path: string, content: string, mode = 0o644) {
  return { path, content: fixedContent(content), mode };
}

function hasFile(path: string, text = 'not ours\n') {
  return (machine: SimulatedMachine): void => machine.write(path, text, 0o600);
}

function hasEngine(machine: SimulatedMachine): void {
  machine.installPackage('docker.io');
}

async function stopUnit(machine: SimulatedMachine, name: string): Promise<void> {
  const unit = machine.units.get(name);
  if (unit === undefined) throw new Error(`there is no unit ${name}`);
  unit.started = undefined;
}

/** Examples of every kind; the type demands an entry for each. */
export const EXAMPLES: { readonly [K in keyof Specs]: readonly Example<Specs[K]>[] } = {
  artifact: [
    {
      key: '/usr/local/bin/tool',
      spec: { mode: 0o755, from: { image: IMAGE, member: '/tool', layers: [] } },
      prepare: (machine) => {
        hasEngine(machine);
        machine.images.set(IMAGE.name, CONFIG);
        machine.members.set(`${IMAGE.name} /tool`, 'the tool');
      },
      change: hasFile('/usr/local/bin/tool', 'changed\n'),
      neighbour: hasFile('/usr/local/bin/other'),
      foreign: hasFile('/usr/local/bin/tool'),
    },
    {
      key: '/usr/local/bin/tool',
      spec: { mode: 0o750, owner: 'daemon:daemon', from: { url: 'https://depot/tool', digest: digestOf('the tool') } },
      prepare: (machine) => void machine.served.set('https://depot/tool', 'the tool'),
      change: hasFile('/usr/local/bin/tool', 'changed\n'),
      neighbour: hasFile('/usr/local/bin/other'),
      foreign: hasFile('/usr/local/bin/tool'),
    },
  ],
  block: [
    {
      key: '/etc/hosts#caisson',
      spec: { path: '/etc/hosts', id: 'caisson', lines: ['10.0.0.1 a', '10.0.0.2 b'] },
      change: (machine) => machine.write('/etc/hosts', machine.text('/etc/hosts').replace('10.0.0.2', '10.0.0.3'), 0o644),
      neighbour: (machine) => machine.write('/etc/hosts', '127.0.0.1 localhost\n# BEGIN other\n10.0.0.9 c\n# END other\n', 0o644),
    },
  ],
  bundle: [
    {
      key: '/var/lib/caisson/bundles/a.tar',
      spec: (machine) => ({
        digest: digestOf('bundle'),
        of: digestOf('bundle'),
        isPlaced: async () => machine.text('/var/lib/caisson/bundles/a.tar') === 'bundle',
        place: async () => machine.upload('bundle', '/var/lib/caisson/bundles/a.tar', { mode: 0o644 }),
      }),
      prepare: hasFile('/var/lib/caisson/bundles/b.tar', 'bundle b'),
      change: hasFile('/var/lib/caisson/bundles/a.tar', 'cut'),
      neighbour: hasFile('/var/lib/caisson/bundles/c.tar', 'bundle c'),
    },
    {
      key: '/var/lib/caisson/bundles/a.tar',
      spec: (machine) => {
        machine.served.set('https://depot:5443/bundles/a.tar', 'bundle');
        machine.copies.set('bundle', digestOf('bundle'));
        return { digest: digestOf('bundle'), of: digestOf('bundle'), size: 6, url: 'https://depot:5443/bundles/a.tar' };
      },
      prepare: hasFile('/usr/local/bin/caisson', 'caisson'),
      change: hasFile('/var/lib/caisson/bundles/a.tar', 'cut'),
      neighbour: hasFile('/var/lib/caisson/bundles/c.tar', 'bundle c'),
    },
  ],
  certificate: [
    {
      key: 'node',
      spec: { files: [file('/etc/ssl/node.crt', 'certificate'), file('/etc/ssl/node.key', 'key', 0o600)] },
      prepare: hasFile('/etc/ssl/others.crt'),
      change: hasFile('/etc/ssl/node.crt', 'another certificate'),
      neighbour: hasFile('/etc/ssl/neighbour.crt'),
      // Only one of the two files exists before.
      foreign: hasFile('/etc/ssl/node.crt'),
    },
  ],
  definition: [
    {
      key: `${DEFINITIONS}/a.yaml`,
      spec: { ...definitionFile('a', 'exec a'), services: ['a'], containers: ['a'] },
      prepare: hasAgent,
      change: hasDefinition('a', 'exec other'),
      neighbour: hasDefinition('b'),
      foreign: hasDefinition('a', 'exec not-ours'),
    },
    {
      key: `${DEFINITIONS}/a.yaml`,
      spec: {
        ...definitionFile('a', 'exec a'),
        services: ['a'],
        containers: [],
        reload: { digest: digestOf('files'), commands: [['reload-a']], read: async () => digestOf('files') },
      },
      prepare: (machine) => {
        hasAgent(machine);
        machine.programs.set('reload-a', () => ({}));
      },
      change: (machine) => {
        for (const path of machine.files.keys()) if (path.startsWith('/var/lib/caisson/reloaded/')) machine.write(path, 'old\n', 0o600);
      },
      neighbour: hasDefinition('b'),
      foreign: hasDefinition('a', 'exec not-ours'),
    },
    {
      key: `${DEFINITIONS}/a.yaml`,
      spec: { ...definitionFile('a', 'exec a'), services: ['a'], containers: ['a'] },
      prepare: hasAgent,
      change: (machine) => {
        machine.files.delete(`${DEFINITIONS}/a.yaml`);
        machine.reloadAgent();
      },
      neighbour: hasDefinition('b'),
    },
  ],
  directory: [
    {
      key: '/opt/data',
      spec: { mode: 0o710, owner: '1001:0' },
      change: (machine) => void machine.directories.set('/opt/data', { mode: 0o777, owner: 'root:root' }),
      neighbour: (machine) => void machine.directories.set('/opt/data-of-others', { mode: 0o755, owner: 'root:root' }),
    },
    {
      key: '/opt/ours',
      spec: { mode: 0o755, contents: 'ours' },
      change: (machine) => {
        machine.write('/opt/ours/more/file', 'grown', 0o644);
        machine.directories.set('/opt/ours', { mode: 0o777, owner: 'root:root' });
        machine.directories.delete('/opt/ours/more');
        machine.files.delete('/opt/ours/more/file');
      },
      neighbour: hasFile('/opt/ours-not/file'),
    },
  ],
  executable: [
    {
      key: '/usr/local/bin/tool',
      spec: { digest: digestOf('program'), open: () => Readable.from(['program']) },
      change: hasFile('/usr/local/bin/tool', 'changed'),
      neighbour: hasFile('/usr/local/bin/other'),
      foreign: hasFile('/usr/local/bin/tool'),
    },
    {
      key: '/usr/local/bin/tool',
      spec: { digest: digestOf('program'), url: 'https://depot/program', open: () => Readable.from([]) },
      prepare: (machine) => void machine.served.set('https://depot/program', 'program'),
      change: (machine) => machine.write('/usr/local/bin/tool', 'program', 0o644),
      neighbour: hasFile('/usr/local/bin/other'),
      foreign: hasFile('/usr/local/bin/tool'),
    },
  ],
  file: [
    {
      key: '/etc/a.conf',
      spec: { content: fixedContent('a\n'), mode: 0o640, owner: 'root:daemon' },
      change: hasFile('/etc/a.conf', 'changed\n'),
      neighbour: hasFile('/etc/a.conf.dpkg-dist'),
      foreign: hasFile('/etc/a.conf'),
    },
  ],
  image: [
    {
      key: IMAGE.name,
      spec: IMAGE,
      prepare: hasEngine,
      change: (machine) => void machine.images.set(IMAGE.name, digestOf('another configuration')),
      neighbour: (machine) => void machine.images.set('registry.example/b:1', digestOf('b')),
    },
  ],
  keypair: [
    {
      key: 'pair',
      spec: { files: [file('/etc/ssl/pair', 'private', 0o600), file('/etc/ssl/pair.pub', 'public')] },
      prepare: hasFile('/etc/ssl/others.crt'),
      change: (machine) => void machine.files.delete('/etc/ssl/pair.pub'),
      neighbour: hasFile('/etc/ssl/pair.old'),
      foreign: hasFile('/etc/ssl/pair.pub'),
    },
  ],
  module: [
    {
      key: 'br_netfilter',
      spec: {},
      prepare: hasFile('/etc/modules-load.d/others.conf'),
      change: (machine) => void machine.modules.delete('br_netfilter'),
      neighbour: (machine) => void machine.modules.add('overlay'),
      foreign: (machine) => void machine.modules.add('br_netfilter'),
    },
  ],
  mount: [
    {
      key: '/grdata',
      spec: { what: '10.0.0.1:/data', type: 'nfs', options: 'rw' },
      change: (machine) => stopUnit(machine, mountUnitName('/grdata')),
      neighbour: hasUnit('other.mount'),
    },
    {
      // An earlier run mounted another address there.
      key: '/grdata',
      spec: { what: '10.0.0.1:/data', type: 'nfs', options: 'rw' },
      change: (machine) => changeUnit(machine, mountUnitName('/grdata')),
      neighbour: hasUnit('other.mount'),
    },
  ],
  package: [
    {
      key: 'jq',
      spec: { version: '1.6-2.1' },
      prepare: (machine) => {
        machine.packageNeeds.set('jq', ['libjq1']);
        machine.packageNeeds.set('libjq1', ['libonig5']);
      },
      change: (machine) => void machine.packages.set('jq', '1.5-1'),
      // `needless` was unneeded before the removal, so it must stay.
      neighbour: (machine) => {
        machine.installPackage('vim');
        machine.installPackage('needless', true);
      },
    },
  ],
  'package-source': [
    {
      key: '/etc/caisson/apt/updated-for',
      spec: {
        bundle: digestOf('bundle'),
        access: {
          files: [],
          lists: '/var/lib/caisson/apt/lists',
          metadata: '/var/lib/caisson/apt/lists/depot:5443_apt_debian-12_dists_bookworm_InRelease',
        },
      },
      prepare: (machine) => {
        machine.write('/etc/caisson/apt/sources.list', 'deb https://depot:5443/apt/debian-12 bookworm main\n', 0o644);
        machine.write('/var/lib/caisson/apt/kept', '', 0o644);
      },
      change: (machine) => machine.write('/etc/caisson/apt/updated-for', `${digestOf('older')}\n`, 0o644),
      neighbour: hasFile('/var/lib/apt/lists/deb.example_InRelease'),
    },
  ],
  link: [
    {
      key: '/usr/local/bin/tool',
      spec: { target: EXECUTABLE },
      change: (machine) => void machine.links.set('/usr/local/bin/tool', '/elsewhere'),
      neighbour: (machine) => void machine.links.set('/usr/local/bin/other', EXECUTABLE),
    },
  ],
  'login-key': [
    {
      key: 'root',
      spec: { line: fixedContent('ssh-ed25519 AAAA caisson sample\n') },
      change: (machine) => machine.write(KEYS, machine.text(KEYS).replace('AAAA', 'BBBB'), 0o600),
      neighbour: (machine) => machine.write('/root/.ssh/known_hosts', 'a ssh-ed25519 CCCC\n', 0o600),
    },
    {
      key: 'root',
      spec: { line: fixedContent('ssh-ed25519 AAAA caisson sample\n') },
      change: (machine) => machine.write(KEYS, machine.text(KEYS).replace('AAAA', 'BBBB'), 0o640),
      neighbour: (machine) => machine.write(KEYS, 'ssh-ed25519 CCCC of others\n', 0o640),
    },
  ],
  route: [
    {
      key: '10.1.0.0/16',
      spec: { via: '10.0.0.1' },
      change: (machine) => {
        const [unit] = [...machine.units.keys()].filter((name) => name.startsWith('caisson-route-'));
        return changeUnit(machine, unit ?? '');
      },
      neighbour: hasUnit('route-of-others.service'),
    },
    {
      key: '10.1.0.0/16',
      spec: { via: '10.0.0.1' },
      change: (machine) => void machine.lostRoutes.add('10.1.0.0/16'),
      neighbour: hasUnit('route-of-others.service'),
    },
  ],
  sysctl: [
    {
      key: 'net.ipv4.ip_forward',
      spec: { value: '1' },
      prepare: (machine) => {
        machine.write('/etc/sysctl.d/10-others.conf', '', 0o644);
        machine.sysctls.set('net.ipv4.ip_forward', '0');
      },
      change: (machine) => void machine.sysctls.set('net.ipv4.ip_forward', '0'),
      neighbour: (machine) => void machine.sysctls.set('vm.swappiness', '60'),
      foreign: (machine) => void machine.sysctls.set('net.ipv4.ip_forward', '1'),
    },
  ],
  unit: [
    {
      key: 'a.service',
      spec: { restartOn: ['/etc/systemd/system/a.service', '/etc/a.conf'], reloadOn: [] },
      initially: 'different',
      prepare: async (machine) => {
        machine.write('/etc/a.conf', 'a', 0o644);
        hasUnit('a.service')(machine);
        machine.units.set('a.service', { enabled: false, started: undefined, loaded: '[Unit]\n' });
      },
      change: (machine) => stopUnit(machine, 'a.service'),
      neighbour: hasUnit('b.service'),
    },
    {
      key: 'a.service',
      spec: { restartOn: ['/etc/systemd/system/a.service', '/etc/a.conf'], reloadOn: [] },
      initially: 'different',
      prepare: async (machine) => {
        machine.write('/etc/a.conf', 'a', 0o644);
        hasUnit('a.service')(machine);
        machine.units.set('a.service', { enabled: false, started: undefined, loaded: '[Unit]\n' });
      },
      // Afterwards the unit runs with an older file.
      change: (machine) => machine.write('/etc/a.conf', 'a', 0o644),
      neighbour: hasUnit('b.service'),
    },
  ],
  user: [
    {
      key: 'store',
      spec: { id: 800, home: '/opt/store' },
      change: (machine) => void machine.users.set('store', { id: 800, home: '/' }),
      neighbour: (machine) => void machine.users.set('daemon', { id: 1, home: '/usr/sbin' }),
    },
    {
      key: 'store',
      spec: { home: '/opt/store' },
      change: (machine) => void machine.users.delete('store'),
      neighbour: (machine) => void machine.users.set('daemon', { id: 1, home: '/usr/sbin' }),
    },
  ],
};

function hasUnit(name: string) {
  return (machine: SimulatedMachine): void => {
    machine.write(`/etc/systemd/system/${name}`, '[Unit]\n', 0o644);
    machine.units.set(name, { enabled: true, started: 1, loaded: '[Unit]\n', running: '[Unit]\n' });
  };
}

/** Gives a unit another file, which systemd has read and runs. */
async function changeUnit(machine: SimulatedMachine, name: string): Promise<void> {
  machine.write(`/etc/systemd/system/${name}`, '[Unit]\n# older\n', 0o644);
  await machine.run({ argv: ['systemctl', 'daemon-reload'] });
  await machine.run({ argv: ['systemctl', 'restart', '--', name] });
}

function definitionText(name: string, start: string): string {
  return `version: "2.1"\nservices:\n  - name: ${name}\n    start: ${start}\n`;
}

function definitionFile(name: string, start: string) {
  return { content: fixedContent(definitionText(name, start)), mode: 0o644 };
}

function hasAgent(machine: SimulatedMachine): void {
  machine.write(EXECUTABLE, 'caisson', 0o755);
  machine.write(`${DEFINITIONS}/others.yaml`, definitionText('others', 'exec others'), 0o644);
  hasUnit(AGENT_UNIT)(machine);
}

/** Writes a definition and the unit that the agent has made of it. */
function hasDefinition(name: string, start = `exec ${name}`) {
  return (machine: SimulatedMachine): void => {
    machine.write(`${DEFINITIONS}/${name}.yaml`, definitionText(name, start), 0o644);
    machine.reloadAgent();
  };
}

/** Sets an example up on a new simulated machine. */
export async function underTest<K extends keyof Specs>(name: K, example: Example<Specs[K]>): Promise<KindUnderTest<Specs[K]>> {
  const installer = new Installer();
  const machine = new SimulatedMachine({
    name: 'a',
    address: '10.0.0.1',
    local: true,
    imageIds: new Map([[MANIFEST, CONFIG]]),
    definitions: DEFINITIONS,
    seedRoot: '/nowhere',
    installer,
  });
  for (const directory of ['artifacts', 'reloaded'])
    machine.directories.set(`/var/lib/caisson/${directory}`, { mode: 0o755, owner: 'root:root' });
  machine.directories.set('/var/lib/caisson', { mode: 0o755, owner: 'root:root' });
  await example.prepare?.(machine);
  return {
    kind: KINDS[name],
    host: machine,
    installer,
    context: KIND_CONTEXT,
    wanted: { key: example.key, spec: typeof example.spec === 'function' ? example.spec(machine) : example.spec },
    lines: machine.lines,
    ...(example.initially === undefined ? {} : { initially: example.initially }),
    state: async () => machine.state({ exact: true }),
    writes: async () => structuredClone([machine.state({ exact: true }), machine.restarted, machine.files, machine.units]),
    change: async () => example.change(machine),
    neighbour: async () => example.neighbour(machine),
    foreign: example.foreign === undefined ? undefined : async () => example.foreign?.(machine),
  };
}
