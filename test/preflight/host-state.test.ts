import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openLocalHost } from '../../src/host/index.ts';
import { parseHostState, readHostState } from '../../src/preflight/host-state.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();

describe('readHostState', () => {
  it('finds definitions and bundles, and is content where there is nothing', async () => {
    const places = { definitions: join(directory(), 'conf'), bundles: join(directory(), 'bundles of this') };
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
