import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { optionSite, writeOptionBundle } from '../../support/option-site.ts';
import { runCaisson, type Ended } from '../../support/run-caisson.ts';
import { type SimulatedSite } from '../../support/simulated-site.ts';
import { useTempDir } from '../../support/temp-dir.ts';
import { useEnding } from '../../support/use-sites.ts';

const directory = useTempDir();
const ending = useEnding<SimulatedSite>();

async function installed(): Promise<{
  readonly site: SimulatedSite;
  readonly run: (words: readonly string[], typed?: string) => Promise<Ended>;
}> {
  const site = ending(await optionSite(directory(), await writeOptionBundle(directory())));
  const { machines, clock } = site.options;
  return { site, run: (words, typed) => runCaisson(words, { machines, clock, ...(typed === undefined ? {} : { typed }) }) };
}

describe('caisson option', () => {
  it('lists what the site chose', async () => {
    const { run } = await installed();
    const { status, out } = await run(['option', 'list']);
    expect(status).toBe(0);
    expect(out).toMatch(/^NAME +CHOICE +CHOICES +MAY CHANGE +WHAT\n/);
    expect(out).toMatch(/^logging +file +file, remote +yes +Where logs go$/m);
    expect(out).toMatch(/^disks +slow +slow, fast +no +What keeps data$/m);
    expect(out).toMatch(/^domain +apps\.sample\.internal +yes +Domain/m);
  });

  it('shows what follows from a domain, asks, and writes it when it is approved', async () => {
    const { site, run } = await installed();
    const cluster = (): Promise<string> => readFile(site.options.clusterPath, 'utf8');
    const before = await cluster();
    const words = ['option', 'set', 'domain', 'apps.example.org'];
    const refused = await run(words, 'n\n');
    expect(refused).toMatchObject({ status: 130, err: expect.stringContaining('web on n1 restarts') });
    expect(refused.err).toContain('cluster.yaml gets "apps.example.org" as domain');
    expect(await cluster()).toBe(before);
    expect(await run(words, 'y\n')).toMatchObject({ status: 0, out: expect.stringContaining('caisson cluster') });
    expect(await cluster()).toContain('domain: apps.example.org');
  });

  it('asks, too, where nothing follows on any host', async () => {
    const { site, run } = await installed();
    const words = ['option', 'set', 'disks', 'slow'];
    const cluster = (): Promise<string> => readFile(site.options.clusterPath, 'utf8');
    const before = await cluster();
    expect(await run(words)).toMatchObject({ status: 2, err: expect.stringContaining('is not a terminal') });
    expect(await cluster()).toBe(before);
    expect(await run(words, 'y\n')).toMatchObject({ status: 0, err: expect.stringContaining('nothing to do on its hosts') });
    expect(await cluster()).toContain('options: { disks: slow }');
  });

  it('takes values as NAME=VALUE alone', async () => {
    const { run } = await installed();
    expect(await run(['option', 'set', 'logging', 'remote', 'server', '--yes'])).toMatchObject({
      status: 2,
      err: expect.stringContaining('NAME=VALUE'),
    });
  });
});
