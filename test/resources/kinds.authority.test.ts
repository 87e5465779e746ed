import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NOT_APPLIED, STATE_FILE, UNIT_MARK } from '../../src/agent/index.ts';
import { NOTHING_REMEMBERED, writeState } from '../../src/agent/state-file.ts';
import { digestOf, hexOf } from '../../src/core/index.ts';
import { openLocalHost, shellScript } from '../../src/host/index.ts';
import { fixedContent, type ResourceKindName, type Specs } from '../../src/resources/index.ts';
import { RETIRE_SCRIPT, UNIT_DIGESTS_SCRIPT } from '../../src/resources/definition.ts';
import { KINDS } from '../../src/resources/kinds.ts';
import { READ_KEYS_SCRIPT, WRITE_KEYS_SCRIPT } from '../../src/resources/login-key.ts';
import { MAKE_USER_SCRIPT } from '../../src/resources/user.ts';
import { AGENT_STATE, EXECUTABLE, UNITS } from '../../src/site/index.ts';
import { describeResourceKind, type KindUnderTest } from '../contract/resource-kind.ts';
import { relocatedHost } from '../support/relocated-host.ts';
import { KIND_CONTEXT } from '../support/kind-context.ts';
import { Installer } from '../support/simulated-machine.ts';

const run = promisify(execFile);
const { uid, gid } = userInfo();
const owner = `${uid}:${gid}`;

/** What a kind is tested with, below a directory of this machine. Relative paths are below it. */
interface RealExample<Spec> {
  wanted(root: string): { readonly key: string; readonly spec: Spec };
  readonly prepare?: (root: string) => Promise<void>;
  change(root: string): Promise<void>;
  neighbour(root: string): Promise<void>;
  readonly foreign?: (root: string) => Promise<void>;
  readonly isInNamespace?: boolean;
}

function places(root: string): Readonly<Record<string, string>> {
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
async function treeOf(root: string, times: string): Promise<string> {
  const format = `%P %y %m %U:%G %l${times}\\n`;
  const script = 'find . -mindepth 1 -printf "$1" | sort; find . -type f -exec sha256sum {} + | sort -k2';
  const { stdout } = await run('/bin/sh', ['-c', script, 'sh', format], { cwd: root });
  return stdout;
}

function write(path: string, text: string, mode = 0o600) {
  return async (root: string): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
    await chmod(join(root, path), mode);
  };
}

async function program(root: string, name: string, script: string): Promise<void> {
  await write(`bin/${name}`, `#!/bin/sh\n${script}`, 0o755)(root);
}

const USER_NAME = userInfo().username;
const KEYS = 'home/.ssh/authorized_keys';

/** A user whose home is in the directory. */
function loginKeyExample(neighbour: (root: string) => Promise<void>): RealExample<Specs['login-key']> {
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

const EXAMPLES: { readonly [K in ResourceKindName]?: readonly RealExample<Specs[K]>[] } = {
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
const USER: RealExample<Specs['user']> = {
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

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'caisson-kinds-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** The directory, emptied: hosts that are compared have the same paths. */
async function emptyRoot(): Promise<void> {
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

async function underTest<K extends ResourceKindName>(name: K, example: RealExample<Specs[K]>): Promise<KindUnderTest<Specs[K]>> {
  await emptyRoot();
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

function describeKind<K extends ResourceKindName>(name: K, examples: readonly RealExample<Specs[K]>[]): void {
  for (const [index, example] of examples.entries())
    describeResourceKind(`${name} ${index + 1} on a real host`, () => underTest(name, example));
}

describeKind('file', EXAMPLES.file ?? []);
describeKind('certificate', EXAMPLES.certificate ?? []);
describeKind('directory', EXAMPLES.directory ?? []);
describeKind('block', EXAMPLES.block ?? []);
describeKind('executable', EXAMPLES.executable ?? []);
describeKind('link', EXAMPLES.link ?? []);
describeKind('login-key', EXAMPLES['login-key'] ?? []);

describe('a key of the site on a real host', () => {
  it('is for its user alone, in a directory that is for the user alone', async () => {
    const { kind, host, context, wanted } = await underTest(
      'login-key',
      loginKeyExample(async () => {}),
    );
    await kind.ensure(host, [{ ...wanted, replaces: false }], context);
    expect(await readFile(join(root, KEYS), 'utf8')).toBe('# BEGIN caisson\nssh-ed25519 AAAA caisson sample\n# END caisson\n');
    expect((await stat(join(root, KEYS))).mode & 0o777).toBe(0o600);
    expect((await stat(join(root, 'home/.ssh'))).mode & 0o777).toBe(0o700);
  });

  it('shortens no file of keys when the connection ends early, and names a user that is not there', async () => {
    const { host } = await underTest('login-key', loginKeyExample(write(KEYS, 'ssh-ed25519 CCCC of others\n')));
    await write(KEYS, 'ssh-ed25519 CCCC of others\n')(root);
    const result = await host.run({ argv: shellScript(WRITE_KEYS_SCRIPT, [USER_NAME, '100']), input: 'ssh-ed25519' });
    expect(result).toMatchObject({ exitCode: 1, stderr: 'only a part of the keys arrived\n' });
    expect(await readFile(join(root, KEYS), 'utf8')).toBe('ssh-ed25519 CCCC of others\n');
    await program(root, 'getent', 'exit 2\n');
    expect(await host.run({ argv: shellScript(READ_KEYS_SCRIPT, ['nobody']) })).toMatchObject({
      exitCode: 1,
      stderr: 'there is no user nobody\n',
    });
  });
});

describe('a link on a real host', () => {
  it.each([
    ['file', write('bin/tool', 'not ours')],
    ['directory', write('bin/tool/file', 'not ours')],
  ])('takes the place of no %s, and removes none', async (_what, foreign) => {
    const [example] = EXAMPLES.link ?? [];
    if (example === undefined) throw new Error('there is no example of a link');
    const under = await underTest('link', example);
    const { kind, host, context, wanted } = under;
    await foreign(root);
    const before = await under.state();
    expect(await kind.look(host, [wanted], context)).toEqual([{ state: 'different', why: 'it is no link' }]);
    await expect(kind.ensure(host, [{ ...wanted, replaces: false }], context)).rejects.toThrow('exists and is no link');
    const details = { target: wanted.spec.target };
    await kind.remove(host, [{ kind: 'link', key: wanted.key, owner: 'tests', details }], context, { purge: true });
    expect(await under.state()).toBe(before);
  });
});
describeKind('definition', EXAMPLES.definition ?? []);
describeKind('sysctl', EXAMPLES.sysctl ?? []);
describeKind('module', EXAMPLES.module ?? []);

describe.skipIf(uid !== 0)('with users of its own', () => {
  describeKind('user', [USER]);

  it('refuses to change the number of a user that is there, and says what to do', async () => {
    const { host } = await underTest('user', USER);
    const result = await host.run({ argv: shellScript(MAKE_USER_SCRIPT, ['daemon', '/', '77']) });
    expect(result).toMatchObject({
      exitCode: 1,
      stderr: 'user daemon has the number 1, want 77; give its files another owner and remove it\n',
    });
  });
});

describe('RETIRE_SCRIPT where no agent answers', () => {
  it.each([
    ['that bear its mark', `${UNIT_MARK}\n[Unit]\n`, {}],
    ['that were changed by hand', 'changed by hand\n', { 'ours.service': 'digest' }],
    ['whose file was removed by hand', undefined, { 'ours.service': 'digest' }],
  ])('stops and removes units of the agent %s, and no others', async (_, text, applied) => {
    await emptyRoot();
    await mkdir(join(root, 'units'));
    if (text !== undefined) await write('units/ours.service', text)(root);
    await write('units/others.service', '[Unit]\n')(root);
    // Definitions that it remembers may name units, too.
    await write(
      'state/agent/state.json',
      JSON.stringify({ applied, accepted: { x: '{"others.service": 1, "missing.service": 1}' } }, null, 2),
    )(root);
    await program(root, 'systemctl', `echo "$*" >>${join(root, 'calls')}\n`);
    const host = relocatedHost(openLocalHost({ name: 'here' }), {
      places: places(root),
      installer: new Installer(),
      programs: join(root, 'bin'),
    });
    const result = await host.run({
      argv: shellScript(RETIRE_SCRIPT, [UNITS, join(AGENT_STATE, STATE_FILE), 'ours', 'others', 'missing']),
    });
    expect(result).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect(await readFile(join(root, 'calls'), 'utf8')).toBe(
      'disable --now --quiet -- ours.service\ndaemon-reload\nreset-failed -- ours.service\n',
    );
    expect(await treeOf(join(root, 'units'), '')).toMatch(/^others\.service f/);
  });
});

describe('UNIT_DIGESTS_SCRIPT', () => {
  it('prints the digests in the state file that the agent wrote, and nothing else of it, and those of the units', async () => {
    await emptyRoot();
    const state = join(root, 'state/agent', STATE_FILE);
    const digest = digestOf('[Unit]\n');
    const accepted = { '/conf/x.yaml': `{"forged.service": "${digest}"}\n` };
    const applied = { 'web.service': digest, 'late.service': NOT_APPLIED };
    await writeState(state, { ...NOTHING_REMEMBERED, owners: { 'web.service': '/conf/x.yaml' }, accepted, applied });
    await mkdir(join(root, 'units'));
    await write('units/web.service', '[Unit]\n')(root);
    const argv = shellScript(UNIT_DIGESTS_SCRIPT, [join(root, 'units'), state, 'web', 'missing']);
    const host = openLocalHost({ name: 'here' });
    expect(await host.run({ argv })).toEqual({
      exitCode: 0,
      stderr: '',
      stdout: `"web.service": "${digest}"\n"late.service": "${NOT_APPLIED}"\n\n${hexOf(digest)}  -\nabsent\n`,
    });
  });

  it('prints no digests of units where there is no state file', async () => {
    await emptyRoot();
    const argv = shellScript(UNIT_DIGESTS_SCRIPT, [join(root, 'units'), join(root, 'missing'), 'web']);
    expect(await openLocalHost({ name: 'here' }).run({ argv })).toEqual({ exitCode: 0, stderr: '', stdout: '\nabsent\n' });
  });
});
