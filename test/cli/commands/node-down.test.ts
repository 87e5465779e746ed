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

describe('caisson node down and up', () => {
  it('say what stops, ask, show the node as down, and bring it up', async () => {
    const bundle = await writeSampleBundle(join(directory(), 'hard.tar'), { manifests: hardManifests(), images: HARD_IMAGES });
    const nodes = ['n1', 'n2'].map((name, index) => ({ name, address: `10.0.0.${index + 11}`, roles: index === 0 ? ['data'] : ['front'] }));
    const site = ending(await hardSite(directory(), bundle, nodes));
    await site.run();
    const { machines } = site.options;
    const node = (words: readonly string[], typed?: string): Promise<Ended> =>
      runCaisson(['node', ...words], { machines, clock: fixedClock(NOON), ...(typed === undefined ? {} : { typed }) });
    expect(await node(['down', 'n1', '--yes'])).toMatchObject({ status: 6, err: expect.stringContaining('these are away: app on n2') });
    expect((await node(['down', 'n2', '--plan'])).out).toBe('Stop on n2, in this order: app, docker\nNothing was changed\n');
    expect(await node(['down', 'n2'], 'n\n')).toMatchObject({
      status: 130,
      err: expect.stringContaining('Stop on n2, in this order: app, docker'),
    });
    expect(site.machine('n2').units.get('app.service')?.started).toBeDefined();
    expect(await node(['down', 'n2'], 'y\n')).toMatchObject({
      status: 0,
      out: '"n2" is down since 2026-01-01 00:00:00Z\nBring it up with: caisson node up n2\n',
    });
    expect(site.machine('n2').units.has('app.service')).toBe(false);
    expect((await node(['list'])).out).toMatch(
      /^n2 +10\.0\.0\.12 +front +down +down since 2026-01-01 00:00:00Z, bring it up with: caisson node up n2$/m,
    );
    expect(await node(['up', 'n2', '--bundle', bundle])).toMatchObject({ status: 0, out: '"n2" is up: all its components are healthy\n' });
    expect((await node(['list'])).out).not.toContain('down since');
    expect(site.machine('n2').units.get('app.service')?.started).toBeDefined();
  });
});
