import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { UnitWatcher } from '../../src/agent/unit-watcher.ts';
import type { Host } from '../../src/host/index.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { FakeSystemd } from './fake-systemd.ts';

const temp = useTempDir();
let systemd: FakeSystemd;
let watcher: UnitWatcher;
let ms: number;
let isSilent: boolean;

beforeEach(async () => {
  const units = join(temp(), 'units');
  await mkdir(units);
  for (const name of ['etcd.service', 'dns.service']) await writeFile(join(units, name), '');
  systemd = new FakeSystemd(units);
  systemd.startsDirectory = join(temp(), 'starts');
  ms = 0;
  isSilent = false;
  const host: Host = {
    ...systemd.host,
    run: async (command) => (isSilent ? Promise.reject(new Error('no answer')) : systemd.host.run(command)),
  };
  watcher = new UnitWatcher(host, { now: () => new Date(ms), monotonic: () => ms }, systemd.startsDirectory);
  watcher.watch(['etcd.service', 'dns.service']);
  systemd.restart('etcd.service');
  systemd.restart('dns.service');
  systemd.linkStarts();
});

/** What a read a second later says of etcd, and with which questions. */
async function read() {
  ms += 1000;
  systemd.questions.length = 0;
  const { units, asked } = await watcher.read();
  const { active, sub, invocation, restarts } = units.get('etcd.service') ?? {};
  return { active, sub, invocation, restarts, asked: asked.getTime(), questions: [...systemd.questions] };
}

async function settle(): Promise<void> {
  await read();
  expect((await read()).questions).toEqual(['list-units', 'show']);
}

describe('a watcher of units', () => {
  it('asks for the list of units alone while nothing changes, and the answer is of the time of that question', async () => {
    await settle();
    expect(await read()).toMatchObject({ active: 'active', invocation: 'start-1', asked: 3000, questions: ['list-units'] });
    expect(await read()).toMatchObject({ active: 'active', invocation: 'start-1', asked: 4000, questions: ['list-units'] });
  });

  it('sees a unit that stops', async () => {
    await settle();
    systemd.set('etcd.service', 'inactive', 'dead');
    systemd.linkStarts();
    expect(await read()).toMatchObject({ active: 'inactive' });
    expect(await read()).toMatchObject({ active: 'inactive' });
  });

  it('sees a unit that stops before its link is gone', async () => {
    await settle();
    systemd.set('etcd.service', 'deactivating', 'stop-sigterm');
    expect(await read()).toMatchObject({ active: 'deactivating', sub: 'stop-sigterm' });
  });

  it('sees a new start by its link, where the list is the same as before', async () => {
    await settle();
    systemd.restart('etcd.service');
    systemd.linkStarts();
    expect(await read()).toMatchObject({ active: 'active', invocation: 'start-3', restarts: 2 });
    await read();
    expect(await read()).toMatchObject({ invocation: 'start-3', restarts: 2, questions: ['list-units'] });
  });

  it('reads all properties once a minute', async () => {
    await settle();
    ms += 60_000;
    expect((await read()).questions).toEqual(['list-units', 'show']);
    expect((await read()).questions).toEqual(['list-units']);
  });

  it('reads all properties of other units at once', async () => {
    await settle();
    watcher.watch(['etcd.service']);
    expect((await read()).questions).toEqual(['list-units', 'show']);
  });

  it('reads all properties where systemd makes no links', async () => {
    await rm(join(temp(), 'starts'), { recursive: true });
    await read();
    expect((await read()).questions).toEqual(['show']);
    expect((await read()).questions).toEqual(['show']);
  });

  it('reads all properties while a unit that it has is not in the list, as under an alias', async () => {
    systemd.units.delete('dns.service');
    systemd.linkStarts();
    await read();
    expect((await read()).questions).toEqual(['list-units', 'show']);
    expect((await read()).questions).toEqual(['list-units', 'show']);
  });

  it('asks for the list alone beside a check that has no unit', async () => {
    watcher.watch(['etcd.service', 'disk.service']);
    await settle();
    expect(await read()).toMatchObject({ active: 'active', questions: ['list-units'] });
  });

  it('keeps the last answer while systemd gives none', async () => {
    await settle();
    isSilent = true;
    expect(await read()).toMatchObject({ active: 'active', asked: 2000 });
  });
});
