import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixedClock } from '../../../src/core/index.ts';
import { NOON } from '../../support/command-site.ts';
import { HARD_IMAGES, hardManifests, hardSite, type HardSite } from '../../support/hard-cases.ts';
import { runCaisson, type Ended } from '../../support/run-caisson.ts';
import { writeSampleBundle } from '../../support/sample-install.ts';
import { useTempDir } from '../../support/temp-dir.ts';
import { useEnding } from '../../support/use-sites.ts';

const directory = useTempDir();
const ending = useEnding<HardSite>();

describe('caisson node cordon and uncordon', () => {
  it('say what they did, refuse the last node with 6 and without a word to the platform, and take --force', async () => {
    const bundle = await writeSampleBundle(join(directory(), 'hard.tar'), { manifests: hardManifests(), images: HARD_IMAGES });
    const site = ending(
      await hardSite(directory(), bundle, [
        { name: 'n1', address: '10.0.0.11', roles: ['control'] },
        { name: 'n2', address: '10.0.0.12', roles: ['work'] },
        { name: 'n3', address: '10.0.0.13', roles: ['work'] },
      ]),
    );
    await site.run();
    const node = (...words: readonly string[]): Promise<Ended> =>
      runCaisson(['node', ...words], { machines: site.options.machines, clock: fixedClock(NOON) });
    expect(await node('cordon', 'n2')).toMatchObject({
      status: 0,
      out: '"n2" gets no new work since 2026-01-01 00:00:00Z\nTake it back with: caisson node uncordon n2\n',
    });
    expect([...site.platform.cordoned]).toEqual(['n2']);
    const refused = await node('cordon', 'n3');
    expect(refused).toMatchObject({ status: 6, err: expect.stringContaining('add --force') });
    expect([...site.platform.cordoned]).toEqual(['n2']);
    expect(JSON.parse((await node('cordon', 'n3', '--force', '--json')).out.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
      type: 'result',
      node: 'n3',
      cordoned: { since: '2026-01-01T00:00:00.000Z', by: 'operator' },
      changed: 2,
    });
    expect((await node('uncordon', 'n2')).out).toBe('"n2" gets new work again\n');
    expect([...site.platform.cordoned]).toEqual(['n3']);
    expect((await runCaisson(['history'], { machines: site.options.machines })).out).toContain('node uncordon');
  });
});
