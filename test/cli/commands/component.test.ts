import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HARD_IMAGES, hardManifests, hardSite, type HardSite } from '../../support/hard-cases.ts';
import { runCaisson, type Ended } from '../../support/run-caisson.ts';
import { writeSampleBundle } from '../../support/sample-install.ts';
import { useTempDir } from '../../support/temp-dir.ts';
import { useEnding } from '../../support/use-sites.ts';

const directory = useTempDir();
const ending = useEnding<HardSite>();

async function installed(): Promise<{
  readonly site: HardSite;
  readonly run: (words: readonly string[], typed?: string) => Promise<Ended>;
}> {
  const bundle = await writeSampleBundle(join(directory(), 'hard.tar'), { manifests: hardManifests(), images: HARD_IMAGES });
  const nodes = ['n1', 'n2'].map((name, index) => ({ name, address: `10.0.0.${index + 11}`, roles: ['data'] }));
  const site = ending(await hardSite(directory(), bundle, nodes));
  await site.run();
  const { machines, clock } = site.options;
  return { site, run: (words, typed) => runCaisson(words, { machines, clock, ...(typed === undefined ? {} : { typed }) }) };
}

describe('caisson component', () => {
  it('lists components with their nodes and data', async () => {
    const { run } = await installed();
    const { status, out } = await run(['component', 'list']);
    expect(status).toBe(0);
    expect(out).toMatch(/^NAME +PLACEMENT +NODES +DATA +WHAT\n/);
    expect(out).toMatch(/^docker +every +n1, n2 +The engine$/m);
    expect(out).toMatch(/^db +one +n1 +\/opt\/sample\/db +Keeps tables$/m);
  });

  it('says what happens to the data, asks, and moves', async () => {
    const { site, run } = await installed();
    const move = ['component', 'move', 'db', '--from', 'n1', '--to', 'n2'];
    expect(await run([...move, '--plan'])).toMatchObject({ status: 6, err: expect.stringContaining('--begin-empty') });
    const words = [...move, '--begin-empty'];
    const refused = await run(words, 'n\n');
    expect(refused).toMatchObject({ status: 130, err: expect.stringContaining('its data stay on n1, in /opt/sample/db') });
    expect(await readFile(site.options.clusterPath, 'utf8')).not.toContain('place');
    expect(await run(words, 'y\n')).toMatchObject({ status: 0, out: expect.stringContaining('caisson cluster') });
    expect(await readFile(site.options.clusterPath, 'utf8')).toContain('place: { db: n2 }');
  });
});
