import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/core/index.ts';
import { openLocalHost, type Command, type Host } from '../../src/host/index.ts';
import { dockerEngine } from '../../src/resources/containers/docker/docker-engine.ts';
import { fixedContent, type ContainerEngine, type Found } from '../../src/resources/index.ts';
import { imageKind } from '../../src/resources/image.ts';
import { linkKind } from '../../src/resources/link.ts';
import { loginKeyKind } from '../../src/resources/login-key.ts';
import { moduleKind } from '../../src/resources/module.ts';
import { mountUnitName } from '../../src/resources/mount.ts';
import { installedVersions, presentPackages } from '../../src/resources/packages/apt/installed-versions.ts';
import { sysctlKind } from '../../src/resources/sysctl.ts';
import { userKind } from '../../src/resources/user.ts';
import { KIND_CONTEXT } from '../support/kind-context.ts';

const { signal } = KIND_CONTEXT;

/** A host that answers every command so. `commands` has each. */
function hostThatSays(stdout: string, exitCode = 0): Host & { readonly commands: Command[] } {
  const commands: Command[] = [];
  const run = async (command: Command) => {
    commands.push(command);
    return { exitCode, stdout, stderr: '' };
  };
  return { ...openLocalHost({ name: 'here' }), commands, run };
}

const different = (why: string): Found => ({ state: 'different', why });
const [absent, same]: readonly Found[] = [{ state: 'absent' }, { state: 'same' }];

describe('a setting of the kernel', () => {
  it.each([
    ['is so now and at boot', '1\t1', same],
    ['is so now, but not at boot', '1\t', different('it is so now, but not at boot')],
    ['is another now', '0\t1', different('it is 0, want 1')],
    ['is another now and at boot', '0\t0', different('it is 0, want 1')],
    ['is so now, and another at boot', '1\t0', different('it is so now, but 0 at boot')],
    ['is another, and no file of ours sets it', '0\t', absent],
  ])('%s', async (_, words, found) => {
    const host = hostThatSays(`other\t1\t1\nnet.a\t${words}\n`);
    expect(await sysctlKind.look(host, [{ key: 'net.a', spec: { value: '1' } }], KIND_CONTEXT)).toEqual([found]);
  });

  it('that the host says nothing of is absent', async () => {
    expect(await sysctlKind.look(hostThatSays(''), [{ key: 'net.a', spec: { value: '1' } }], KIND_CONTEXT)).toEqual([absent]);
  });
});

describe('a module of the kernel', () => {
  it.each([
    ['yes yes', same],
    ['yes no', different('it is loaded, but not at boot')],
    ['no yes', different('it is not loaded')],
    ['no no', absent],
  ])('that is loaded, now and at boot: %s', async (words, found) => {
    const host = hostThatSays(`other yes yes\nbr_netfilter ${words}\n`);
    expect(await moduleKind.look(host, [{ key: 'br_netfilter', spec: {} }], KIND_CONTEXT)).toEqual([found]);
  });
});

describe('a user', () => {
  const look = (line: string, id: number | undefined) =>
    userKind.look(hostThatSays(`root:x:0:0::/root:/bin/sh\n${line}\n`, 2), [{ key: 'web', spec: { home: '/web', id } }], KIND_CONTEXT);

  it.each<readonly [string, string, number | undefined, Found | undefined]>([
    ['with its number and home', 'web:x:300:300::/web:/bin/false', 300, same],
    ['with any number where none is wanted', 'web:x:998:998::/web:/bin/false', undefined, same],
    ['with another number', 'web:x:301:301::/web:/bin/false', 300, different('its number is 301, want 300')],
    ['with another home', 'web:x:300:300::/srv:/bin/false', 300, different('its home is /srv, want /web')],
    ['whose line is cut', 'web:x:300', 300, different('its home is , want /web')],
    ['of another name', 'webs:x:300:300::/web:/bin/false', 300, absent],
  ])('%s', async (_, line, id, found) => {
    expect(await look(line, id)).toEqual([found]);
  });
});

describe('a link', () => {
  it('answers each for itself, also where its target has a tab', async () => {
    const wanted = ['/a', '/b', '/c', '/d'].map((key) => ({ key, spec: { target: '/t\tt' } }));
    const host = hostThatSays('\t/c\0/other\t/b\0/t\tt\t/a\0');
    expect(await linkKind.look(host, wanted, KIND_CONTEXT)).toEqual([
      same,
      different('it leads to /other'),
      different('it is no link'),
      absent,
    ]);
  });
});

describe('an image', () => {
  const image = (name: string) => ({ name, config: digestOf(name), source: `depot:5443/${name}@${digestOf('manifest')}` });
  const wish = (name: string) => ({ key: name, spec: image(name), replaces: false });

  it('is there by the digest of its configuration, is another, or is absent; and is pulled unless it is there', async () => {
    const pulled: string[] = [];
    const engine: ContainerEngine = {
      ...dockerEngine,
      images: async () =>
        new Map([
          ['a', digestOf('a')],
          ['b', digestOf('other')],
        ]),
      pull: async (_host, { name }) => void pulled.push(name),
    };
    const wanted = ['a', 'b', 'c'].map(wish);
    const host = hostThatSays('');
    expect(await imageKind.look(host, wanted, { ...KIND_CONTEXT, engine })).toEqual([
      same,
      different('another image has its name'),
      absent,
    ]);
    await imageKind.ensure(host, wanted, { ...KIND_CONTEXT, engine });
    expect(pulled).toEqual(['b', 'c']);
  });

  it('goes by its name, and by its source where the record has one', async () => {
    const removed: (readonly string[])[] = [];
    const engine: ContainerEngine = { ...dockerEngine, removeImages: async (_host, names) => void removed.push(names) };
    const owned = [
      { kind: 'image', key: 'a', owner: 'web', details: { source: 'depot/a' } },
      { kind: 'image', key: 'b', owner: 'web' },
      { kind: 'image', key: 'c', owner: 'web', details: {} },
    ];
    await imageKind.remove(hostThatSays(''), owned, { ...KIND_CONTEXT, engine }, { purge: false });
    expect(removed).toEqual([['a', 'depot/a', 'b', 'c']]);
  });

  it('is read from what docker says line by line; docker is asked for nothing where there is none', async () => {
    const host = hostThatSays('a\tsha256:1\nno tab\n\nb\tsha256:2\n');
    expect(await dockerEngine.images(host, ['a', 'b'], signal)).toEqual(
      new Map([
        ['a', 'sha256:1'],
        ['b', 'sha256:2'],
      ]),
    );
    const idle = hostThatSays('');
    expect(await dockerEngine.images(idle, [], signal)).toEqual(new Map());
    await dockerEngine.removeImages(idle, [], signal);
    await dockerEngine.removeContainers(idle, [], signal);
    expect(idle.commands).toEqual([]);
  });
});

describe('a login key', () => {
  const text = (key: string): string => `# BEGIN caisson\n${key}\n# END caisson\n`;
  const look = (stdout: string, line = fixedContent('ours\n')) =>
    loginKeyKind.look(hostThatSays(stdout), [{ key: 'root', spec: { line } }], KIND_CONTEXT);

  it('is there in its block, is another there, or is absent; one that is still to be made differs from any', async () => {
    expect(await look(`ssh-rsa theirs\n${text('ours')}`)).toEqual([same]);
    expect(await look(text('other'))).toEqual([different('the key differs')]);
    expect(await look('ssh-rsa theirs\n')).toEqual([absent]);
    expect(await look(text('ours'), { ...fixedContent('ours\n'), digest: undefined })).toEqual([different('the key differs')]);
  });

  it('that is there already is not written', async () => {
    const host = hostThatSays(text('ours'));
    await loginKeyKind.ensure(host, [{ key: 'root', spec: { line: fixedContent('ours\n') }, replaces: false }], KIND_CONTEXT);
    expect(host.commands).toHaveLength(1);
  });
});

describe('the packages that dpkg knows', () => {
  const lines = [
    'installed ok\tgood\t1.0',
    'installed reinstreq\tbroken\t1.1',
    'half-configured ok\thalf\t1.2',
    'unpacked ok\tunpacked\t1.3',
    'config-files ok\tremoved\t1.4',
    'not-installed ok\tnever\t',
    'installed ok\tno-version',
    'cut',
    '',
  ];

  it('are installed in a version only where nothing is left to do for them', async () => {
    expect(await installedVersions(hostThatSays(lines.join('\n'), 1), ['good'], signal)).toEqual(new Map([['good', '1.0']]));
  });

  it('are present also where an interrupted run left them, and not where only their settings stayed', async () => {
    expect(await presentPackages(hostThatSays(lines.join('\n'), 1), ['good'], signal)).toEqual(['good', 'broken', 'half', 'unpacked']);
  });

  it('are not asked for where there are none', async () => {
    const host = hostThatSays('');
    expect(await installedVersions(host, [], signal)).toEqual(new Map());
    expect(await presentPackages(host, [], signal)).toEqual([]);
    expect(host.commands).toEqual([]);
  });
});

describe('the name of the unit of a mount', () => {
  // systemd.unit(5), string escaping for inclusion in unit names.
  it.each([
    ['/', '-.mount'],
    ['/grdata', 'grdata.mount'],
    ['//srv///data/', 'srv-data.mount'],
    ['/srv/my-data', String.raw`srv-my\x2ddata.mount`],
    ['/.hidden/a.b', String.raw`\x2ehidden-a.b.mount`],
    ['/srv/ü', String.raw`srv-\xc3\xbc.mount`],
    ['/A9:_/~', String.raw`A9:_-\x7e.mount`],
    ['/a\n', String.raw`a\x0a.mount`],
  ])('for %j is %s', (path, name) => {
    expect(mountUnitName(path)).toBe(name);
  });
});
