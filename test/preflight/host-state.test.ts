import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openLocalHost } from '../../src/host/index.ts';
import { hostStateScript, parseHostState, readHostState } from '../../src/preflight/host-state.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { HOST_TOOLS } from '../support/site-tools.ts';

const directory = useTempDir();

describe('readHostState', () => {
  it('finds definitions and bundles, and is content where there is nothing', async () => {
    const places = { definitions: join(directory(), 'conf'), bundles: join(directory(), 'bundles of this'), tools: HOST_TOOLS };
    const host = openLocalHost({ name: 'here' });
    const signal = new AbortController().signal;
    expect(await readHostState(host, places, signal)).toMatchObject({ components: new Set(), bundles: new Map() });
    await mkdir(places.definitions);
    await mkdir(places.bundles);
    await writeFile(join(places.definitions, 'etcd.yaml'), '');
    await writeFile(join(places.definitions, 'notes.txt'), '');
    await writeFile(join(places.bundles, 'a-1.tar'), '12345');
    await writeFile(join(places.bundles, 'b-1.tar.partial'), '123');
    const state = await readHostState(host, places, signal);
    expect(state.components).toEqual(new Set(['etcd']));
    expect(state.bundles).toEqual(
      new Map([
        ['a-1.tar', 5],
        ['b-1.tar.partial', 3],
      ]),
    );
    expect(state.hostNames.flatMap(({ names }) => names)).toContain('localhost');
  });
});

describe('the script that looks at a host', () => {
  /** What it prints of tools that are scripts here; the engine has a second in place of its ten. */
  async function askWith(
    docker: string,
    others: Readonly<Record<string, string>> = {},
    command = '',
    modules: readonly string[] = [],
  ): Promise<string> {
    for (const [name, text] of Object.entries({ docker, dockerd: 'exit 0', systemctl: 'exit 0', ...others })) {
      await writeFile(join(directory(), name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    }
    const script = hostStateScript(HOST_TOOLS)
      .replace('PATH=', `PATH=${directory()}:`)
      .replace(`kill-after=1 ${HOST_TOOLS.engine.probe.seconds}`, 'kill-after=1 1');
    const executable = join(directory(), 'caisson');
    const parameters = ['definitions', 'units', 'bundles', 'agent', 'depot', executable, 'block', command, ...modules];
    const host = openLocalHost({ name: 'here' });
    return (await host.run({ argv: ['/bin/sh', '-c', script, 'sh', ...parameters] })).stdout;
  }

  it('names the kernel modules that the host does not have', async () => {
    const known = { modprobe: 'for name do :; done; [ "$name" = loadable ]' };
    const state = parseHostState(await askWith('exit 1', known, '', ['loadable', 'caisson-absent']));
    expect(state.missingModules).toEqual(['caisson-absent']);
  });

  it('goes on when the engine does not answer, and says so', async () => {
    const frozen = parseHostState(await askWith('sleep 60'));
    expect(frozen.engineFrozen).toBe(true);
    expect(frozen.strangers).toMatchObject({ enginePackage: 'none', containers: [] });
  });

  it('lists the containers of an engine that answers, and is content with one that is not there', async () => {
    const state = parseHostState(await askWith('echo container wiki'));
    expect(state).toMatchObject({ engineFrozen: false, strangers: { containers: ['wiki'] } });
    expect(parseHostState(await askWith('echo Cannot connect >&2; exit 1'))).toMatchObject({ engineFrozen: false });
  });

  it('asks no engine whose unit is not active', async () => {
    const state = parseHostState(await askWith('echo container wiki', { systemctl: 'exit 3' }));
    expect(state.strangers).toMatchObject({ containers: [] });
  });

  it('finds programs with the name of the command in the whole search path, but not our link to the executable', async () => {
    const link = join(directory(), 'samplectl');
    const namesakes = async (name: string): Promise<readonly string[]> => parseHostState(await askWith('exit 0', {}, name)).namesakes;
    expect(await namesakes('samplectl')).toEqual([]);
    await symlink(join(directory(), 'caisson'), link);
    expect(await namesakes('samplectl')).toEqual([]);
    await rm(link);
    await symlink('/nowhere', link);
    expect(await namesakes('samplectl')).toEqual([link]);
    await rm(link);
    await writeFile(link, '');
    expect(await namesakes('samplectl')).toEqual([link]);
    expect(await namesakes('env')).toContain('/usr/bin/env');
  });

  it('names the package of the engine, and the packages that are installed half-way', async () => {
    const lines = [
      'ok installed whole',
      'ok config-files gone',
      'ok unpacked one',
      'ok half-configured two',
      'ok half-installed three',
      'reinstreq installed four',
    ];
    const dpkg = { dpkg: 'echo "docker-ce: $2"', 'dpkg-query': `printf '%s\\n' ${lines.map((line) => `'${line}'`).join(' ')}` };
    expect(parseHostState(await askWith('exit 0', dpkg)).strangers).toEqual({
      enginePackage: 'docker-ce',
      containers: [],
      brokenPackages: ['one', 'two', 'three', 'four'],
    });
  });
});

describe('parseHostState', () => {
  it('reads what strangers left', () => {
    const state = parseHostState(
      ['strangers', 'engine docker-ce', 'container wiki', 'container db', 'broken nginx', 'hosts 127.0.0.1 localhost x', 'hosts ', ''].join(
        '\n',
      ),
    );
    expect(state.strangers).toEqual({ enginePackage: 'docker-ce', containers: ['wiki', 'db'], brokenPackages: ['nginx'] });
    expect(state.hostNames).toEqual([{ address: '127.0.0.1', names: ['localhost', 'x'] }]);
  });

  it('reads what we left, and then knows no strangers', () => {
    const state = parseHostState('unit caisson-agent.service\nunit caisson-depot.service\nexecutable\ndefinition my.db.yaml\n');
    expect(state).toMatchObject({ agent: true, depot: true, executable: true, strangers: undefined });
    expect(state.components).toEqual(new Set(['my.db']));
  });
});
