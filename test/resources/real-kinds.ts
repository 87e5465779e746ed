import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { afterAll, beforeAll } from 'vitest';
import { UNIT_MARK } from '../../src/agent/index.ts';
import { digestOf } from '../../src/core/index.ts';
import { openLocalHost } from '../../src/host/index.ts';
import { fixedContent, type ResourceKindName, type Specs } from '../../src/resources/index.ts';
import { KINDS } from '../../src/resources/kinds.ts';
import { EXECUTABLE, UNITS } from '../../src/site/index.ts';
import { describeResourceKind, type KindUnderTest } from '../contract/resource-kind.ts';
import { KIND_CONTEXT } from '../support/kind-context.ts';
import { relocatedHost } from '../support/relocated-host.ts';
import { Installer } from '../support/simulated-machine.ts';

const run = promisify(execFile);
export const { uid, gid } = userInfo();
const owner = `${uid}:${gid}`;

/** What a kind is tested with, below a directory of this machine. Relative paths are below it. */
export interface RealExample<Spec> {
  wanted(root: string): { readonly key: string; readonly spec: Spec };
  readonly prepare?: (root: string) => Promise<void>;
  change(root: string): Promise<void>;
  neighbour(root: string): Promise<void>;
  readonly foreign?: (root: string) => Promise<void>;
  readonly isInNamespace?: boolean;
}

export function places(root: string): Readonly<Record<string, string>> {
  return {
    '/var/lib/caisson': join(root, 'state'),
    [EXECUTABLE]: join(root, 'bin/caisson'),
    [UNITS]: join(root, 'units'),
    '/proc/sys/': join(root, 'kernel/'),
    '/etc/sysctl.d': join(root, 'sysctl.d'),
    '/sys/module': join(root, 'modules'),
    '/etc/modules-load.d': join(root, 'modules-load.d'),
  };
}

/** Everything below a directory: what it is, its mode, owner, content and target. */
export async function treeOf(root: string, times: string): Promise<string> {
  const format = `%P %y %m %U:%G %l${times}\\n`;
  const script = 'find . -mindepth 1 -printf "$1" | sort; find . -type f -exec sha256sum {} + | sort -k2';
  const { stdout } = await run('/bin/sh', ['-c', script, 'sh', format], { cwd: root });
  return stdout;
}

export function write(path: string, text: string, mode = 0o600) {
  return async (root: string): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
    await chmod(join(root, path), mode);
  };
}

export async function program(root: string, name: string, script: string): Promise<void> {
  await write(`bin/${name}`, `#!/bin/sh\n${script}`, 0o755)(root);
}

export const USER_NAME = userInfo().username;
export const KEYS = 'home/.ssh/authorized_keys';

/** A user whose home is in the directory. */
export function loginKeyExample(neighbour: (root: string) => Promise<void>): RealExample<Specs['login-key']> {
  return {
    wanted: () => ({ key: USER_NAME, spec: { line: fixedContent('ssh-ed25519 AAAA caisson sample\n') } }),
    prepare: async (root) => {
      await mkdir(join(root, 'home'));
      await program(root, 'getent', `echo "$3:x:${uid}:${gid}::${join(root, 'home')}:/bin/sh"\n`);
    },
    change: async (root) => writeFile(join(root, KEYS), (await readFile(join(root, KEYS), 'utf8')).replace('AAAA', 'BBBB')),
    neighbour,
  };
}

export const EXAMPLES: { readonly [K in ResourceKindName]?: readonly RealExample<Specs[K]>[] } = {
  file: [
    {
      wanted: (root) => ({ key: join(root, 'etc/a file'), spec: { content: fixedContent('a\n'), mode: 0o640, owner } }),
      change: write('etc/a file', 'changed\n'),
      neighbour: write('etc/a file.old', 'not ours\n'),
      foreign: write('etc/a file', 'not ours\n', 0o604),
    },
    {
      wanted: (root) => ({ key: join(root, "etc/it's"), spec: { content: fixedContent(Uint8Array.of(0, 255, 10)), mode: 0o600, owner } }),
      change: (root) => chmod(join(root, "etc/it's"), 0o666),
      neighbour: write('etc/target', 'not ours\n'),
      foreign: async (root) => symlink('target', join(root, "etc/it's")),
    },
  ],
  certificate: [
    {
      wanted: (root) => ({
        key: 'node',
        spec: {
          files: [
            { path: join(root, 'etc/node.crt'), content: fixedContent('certificate'), mode: 0o644, owner },
            { path: join(root, 'etc/node.key'), content: fixedContent('key'), mode: 0o600, owner },
          ],
        },
      }),
      change: (root) => rm(join(root, 'etc/node.key')),
      neighbour: write('etc/other.crt', 'not ours\n'),
      foreign: write('etc/node.crt', 'not ours\n'),
    },
  ],
  directory: [
    {
      wanted: (root) => ({ key: join(root, 'etc/data'), spec: { mode: 0o710, owner, contents: 'ours' } }),
      change: (root) => chmod(join(root, 'etc/data'), 0o777),
      neighbour: write('etc/database/file', 'not ours\n'),
    },
  ],
  block: [
    {
      wanted: (root) => ({
        key: `${join(root, 'etc/hosts')}#caisson`,
        spec: { path: join(root, 'etc/hosts'), id: 'caisson', lines: ['10.0.0.1 a'] },
      }),
      change: async (root) =>
        writeFile(join(root, 'etc/hosts'), (await readFile(join(root, 'etc/hosts'), 'utf8')).replace('10.0.0.1', '10.0.0.2')),
      neighbour: write('etc/hosts', '127.0.0.1 localhost\n# BEGIN other\n10.0.0.9 c\n# END other\n', 0o644),
    },
  ],
  executable: [
    {
      wanted: (root) => ({
        key: join(root, 'bin/tool'),
        spec: { digest: digestOf('program'), open: () => Readable.from([Buffer.from('program')]) },
      }),
      change: write('bin/tool', 'program', 0o644),
      neighbour: write('bin/other', 'not ours', 0o755),
      foreign: write('bin/tool', 'not ours', 0o755),
    },
  ],
  link: [
    {
      wanted: (root) => ({ key: join(root, 'bin/tool'), spec: { target: join(root, 'bin/program of this') } }),
      change: async (root) => {
        await rm(join(root, 'bin/tool'));
        await symlink('program', join(root, 'bin/tool'));
      },
      neighbour: write('bin/program of this', 'program', 0o755),
    },
  ],
  'login-key': [
    loginKeyExample(write('home/.ssh/known_hosts', 'not ours\n')),
    loginKeyExample(write(KEYS, 'ssh-ed25519 CCCC of others\n', 0o640)),
    loginKeyExample(async (root) => {
      await write('home/.ssh/managed', 'ssh-ed25519 CCCC of others\n', 0o640)(root);
      await symlink('managed', join(root, KEYS));
    }),
  ],
  definition: [
    {
      wanted: (root) => ({
        key: join(root, 'conf/a.yaml'),
        spec: { content: fixedContent('exec a\n'), mode: 0o644, owner, services: ['a'], containers: [] },
      }),
      prepare: makeAgent,
      change: async (root) => {
        await write('conf/a.yaml', 'exec other\n', 0o644)(root);
        await reloadAgent(root);
      },
      neighbour: async (root) => {
        await write('units/others.service', '[Unit]\n', 0o644)(root);
        await write('conf/b.yaml', 'exec b\n', 0o644)(root);
        await reloadAgent(root);
      },
      foreign: async (root) => {
        await write('conf/a.yaml', 'exec not-ours\n', 0o644)(root);
        await reloadAgent(root);
      },
    },
  ],
  sysctl: [
    {
      wanted: () => ({ key: 'net.ipv4.ip_local_port_range', spec: { value: '32768 60999' } }),
      prepare: write('kernel/net/ipv4/ip_local_port_range', '1024\t65000\n', 0o644),
      change: write('kernel/net/ipv4/ip_local_port_range', '1\t2\n', 0o644),
      neighbour: write('sysctl.d/10-others.conf', 'a = 1\n', 0o644),
      foreign: write('kernel/net/ipv4/ip_local_port_range', '32768\t60999\n', 0o644),
    },
  ],
  module: [
    {
      wanted: () => ({ key: 'br-netfilter', spec: {} }),
      prepare: async (root) => {
        await write('modules-load.d/others.conf', 'overlay\n')(root);
        // Loads and unloads by directories, as the kernel shows its modules.
        const verbs = 'case $1 in --show-depends) ;; -r) rmdir "$loaded/$name" ;; *) mkdir -p "$loaded/$name" ;; esac';
        const last = 'for name do :; done; name=$(printf %s "$name" | tr - _)';
        await program(root, 'modprobe', `loaded=${join(root, 'modules')}; ${last}; ${verbs}\n`);
      },
      change: (root) => rm(join(root, 'modules/br_netfilter'), { recursive: true }),
      neighbour: async (root) => void (await mkdir(join(root, 'modules/overlay'))),
      foreign: async (root) => void (await mkdir(join(root, 'modules/br_netfilter'))),
    },
  ],
};

/** Users of a private copy of /etc, made by the host's own useradd; only root can have a namespace of its own. */
export const USER: RealExample<Specs['user']> = {
  wanted: () => ({ key: 'caisson-test', spec: { id: 64_987, home: '/nonexistent' } }),
  isInNamespace: true,
  change: async (root) => {
    const passwd = join(root, 'private/passwd');
    await writeFile(passwd, (await readFile(passwd, 'utf8')).replace('64987::/nonexistent:', '64987::/tmp:'));
  },
  neighbour: async () => {},
};

/** Something that answers `caisson agent reload` as the agent does: units of definitions, none for those that are gone. */
async function makeAgent(root: string): Promise<void> {
  await mkdir(join(root, 'conf'));
  await mkdir(join(root, 'units'));
  const script = `cd ${root} || exit 1
for file in conf/*.yaml; do
  [ -f "$file" ] || continue
  name=\${file#conf/}; printf '%s\\n' '${UNIT_MARK}' "$(cat "$file")" > "units/\${name%.yaml}.service"
done
for unit in units/*.service; do
  name=\${unit#units/}
  if grep -q '^${UNIT_MARK}' "$unit" && [ ! -f "conf/\${name%.service}.yaml" ]; then rm "$unit"; fi
done
`;
  await program(root, 'caisson', script);
  // Every unit with a file runs.
  const show = `while [ "$1" != -- ]; do shift; done; shift
for unit do
  if [ -f ${root}/units/"$unit" ]; then active=active; else active=inactive; fi
  printf '%s\\n' LoadState=loaded ActiveState="$active" SubState= ''
done
`;
  await program(root, 'systemctl', show);
}

async function reloadAgent(root: string): Promise<void> {
  await run(join(root, 'bin/caisson'), ['agent', 'reload']);
}

/** Kinds of resources on this machine, below one directory that is removed after the tests of the file that calls this. */
export function useRealKinds(): RealKinds {
  let root = '';
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'caisson-kinds-'));
  });
  afterAll(() => rm(root, { recursive: true, force: true }));
  const underTest: RealKinds['underTest'] = (name, example) => kindUnderTest(root, name, example);
  return {
    root: () => root,
    emptyRoot: () => emptyRoot(root),
    underTest,
    describeKind: (name, examples) => {
      for (const [index, example] of (examples ?? []).entries())
        describeResourceKind(`${name} ${index + 1} on a real host`, () => underTest(name, example));
    },
  };
}

export interface RealKinds {
  /** Path of the directory. */
  readonly root: () => string;
  readonly emptyRoot: () => Promise<void>;
  /** A kind with one of its examples, in the emptied directory. */
  readonly underTest: <K extends ResourceKindName>(name: K, example: RealExample<Specs[K]>) => Promise<KindUnderTest<Specs[K]>>;
  /** Runs the contract of resource kinds with each example. */
  readonly describeKind: <K extends ResourceKindName>(name: K, examples: readonly RealExample<Specs[K]>[] | undefined) => void;
}

/** The directory, emptied: hosts that are compared have the same paths. */
async function emptyRoot(root: string): Promise<void> {
  await rm(root, { recursive: true, force: true });
  for (const name of ['etc', 'bin', 'state/artifacts', 'state/reloaded', 'modules', 'modules-load.d', 'sysctl.d', 'kernel/net/ipv4']) {
    await mkdir(join(root, name), { recursive: true });
  }
}

/** What a private copy of /etc says of users; the tools leave locks and copies beside. */
async function usersOf(root: string): Promise<string> {
  const texts = await Promise.all(['passwd', 'group', 'shadow', 'gshadow'].map((name) => readFile(join(root, 'private', name), 'utf8')));
  return texts.join('\n');
}

async function kindUnderTest<K extends ResourceKindName>(
  root: string,
  name: K,
  example: RealExample<Specs[K]>,
): Promise<KindUnderTest<Specs[K]>> {
  await emptyRoot(root);
  const installer = new Installer();
  await example.prepare?.(root);
  const isPrivate = example.isInNamespace === true;
  if (isPrivate) await cp('/etc', join(root, 'private'), { recursive: true, verbatimSymlinks: true });
  const namespace = ['unshare', '--mount', '/bin/sh', '-c', 'mount --bind "$1" /etc && shift && exec "$@"', 'sh', join(root, 'private')];
  const host = relocatedHost(openLocalHost({ name: 'here' }), {
    places: places(root),
    installer,
    programs: join(root, 'bin'),
    ...(isPrivate ? { prefix: namespace } : {}),
  });
  const state = (times: string): Promise<string> => (isPrivate ? usersOf(root) : treeOf(root, times));
  return {
    kind: KINDS[name],
    host,
    installer,
    context: KIND_CONTEXT,
    wanted: example.wanted(root),
    lines: host.lines,
    state: () => state(''),
    writes: () => state(' %i %C@'),
    change: () => example.change(root),
    neighbour: () => example.neighbour(root),
    foreign: example.foreign === undefined ? undefined : async () => example.foreign?.(root),
  };
}
