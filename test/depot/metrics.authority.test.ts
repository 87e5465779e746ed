import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { siteGauges } from '../../src/cli/serve/site-gauges.ts';
import { silent, systemClock } from '../../src/core/index.ts';
import { makeRepositoryKey, openDepot } from '../../src/depot/index.ts';
import { createAuthority } from '../../src/pki/index.ts';
import { backupTimer } from '../../src/plan/wanted/timers.ts';
import { EXECUTABLE, REAL_MACHINES, seedLayout, UNITS, writeLastRun } from '../../src/site/index.ts';
import { bodyText, httpRequest } from '../support/http-request.ts';
import { promtool } from '../support/promtool.ts';
import { writeSmallBundle } from '../support/small-bundle.ts';
import { useTempDir } from '../support/temp-dir.ts';

const temp = useTempDir();

/** A seed with a timer of backups, a backup that was made, and an authority. */
async function writeSeed(): Promise<void> {
  const layout = seedLayout(temp());
  const { timer, texts } = backupTimer('daily', EXECUTABLE);
  const paths = [join(temp(), UNITS, timer), layout.lastBackup, join(layout.authorities, 'site.crt')];
  for (const path of paths) await mkdir(dirname(path), { recursive: true });
  await writeFile(join(temp(), UNITS, timer), texts[timer] ?? '');
  const time = new Date().toISOString();
  await writeLastRun(layout, 'backup', { time, outcome: 'done', lastDone: time });
  const { certificate } = await createAuthority({ commonName: 'site', days: 10, clock: systemClock });
  await writeFile(join(layout.authorities, 'site.crt'), certificate);
}

describe('the metrics of a depot', () => {
  it('are without fault for promtool, with those of the site of a seed', async () => {
    await writeSeed();
    const bundle = join(temp(), 'bundle.tar');
    await writeSmallBundle(bundle);
    const gauges = siteGauges({
      clock: systemClock,
      signal: AbortSignal.timeout(60_000),
      machines: { ...REAL_MACHINES, seedRoot: temp() },
    });
    const depot = await openDepot({ bundles: [bundle], repositoryKey: await makeRepositoryKey(), emit: silent, gauges });
    try {
      depot.record({ route: 'blob', method: 'GET', status: 200, bytes: 10 });
      const metrics = await bodyText(await depot.handle(httpRequest('/metrics')));
      for (const name of [
        'caisson_http_requests_total{',
        'caisson_task_due_timestamp_seconds{task="backup"} 1',
        'caisson_authority_not_after',
      ])
        expect(metrics).toContain(name);
      expect(await promtool(['check', 'metrics'], metrics)).toEqual({ status: 0, said: '' });
    } finally {
      await depot.close();
    }
  });

  it('would not be with a counter of another name', async () => {
    const { status, said } = await promtool(['check', 'metrics'], '# HELP a A.\n# TYPE a counter\na 1\n');
    expect({ status, said }).toMatchObject({ status: 3, said: expect.stringContaining('counter metrics should have "_total" suffix') });
  });
});
