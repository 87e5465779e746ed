import { describe, expect, it } from 'vitest';
import { eventually } from '../eventually.ts';
import { runInstall } from './installer.ts';
import { clusterState, untilHealthy, type ClusterReport } from './observe.ts';
import type { Site } from './site.ts';

/** Seconds of rbd-hub's and rbd-gateway's health checks: interval, failures that are tolerated, time-out of http. */
const INTERVAL = 5;
const MAX_ERRORS = 3;
const TIMEOUT = 10;
/** Seconds for the questions of this test and the scheduling of a busy machine. */
const SLACK = 10;

/** Registers the tests of what agents restart, and of what they do not. Every component must be healthy before. */
export function keptWell(get: () => Site): void {
  const keepOf = (report: ClusterReport, component: string) => report.kept[component];
  const until = (seconds: number, isTrue: (report: ClusterReport) => boolean): Promise<ClusterReport> =>
    eventually(seconds * 1000, async () => {
      const report = await clusterState(get());
      if (!isTrue(report)) throw new Error(`never: ${JSON.stringify(report)}`);
      return report;
    });

  describe('a check of the operator', () => {
    const FILE = '/opt/rainbond/conf/health.yaml';
    const GOOD = '/run/lab-good';

    it('is asked beside the components, and stays through an install', async () => {
      const site = get();
      const check = `version: '2.1'\nservices:\n- name: storage\n  only_health_check: true\n  health: { model: cmd, address: 'test -e ${GOOD}', time_interval: 1 }\n`;
      await site.bash('g1', `touch ${GOOD}; printf '%s' "$1" > ${FILE}`, check);
      await until(30, (report) => report.components['g1/storage'] === 'healthy');
      await site.bash('g1', `rm ${GOOD}`);
      expect((await until(30, (report) => report.components['g1/storage'] === 'unhealthy')).status).toBe(6);
      expect((await runInstall(site)).result).toMatchObject({ changed: 0 });
      expect(await site.bash('g1', `cat ${FILE}`)).toBe(check.trimEnd());
      await site.bash('g1', `rm ${FILE}`);
      await untilHealthy(site, 30_000);
    });
  });

  describe('the renewal of certificates', () => {
    it('waits for its timer, and started by hand finds none that is due, which caisson cluster says', async () => {
      const site = get();
      expect(await site.bash(site.seed, 'systemctl is-active caisson-renewal.timer')).toBe('active');
      expect(await site.bash(site.seed, 'caisson cluster')).toContain('Renewal of certificates (weekly): has not looked yet');
      await site.bash(site.seed, 'systemctl start caisson-renewal.service');
      expect(await site.bash(site.seed, 'journalctl --unit caisson-renewal --output cat')).toContain('No certificate is due');
      expect(await site.bash(site.seed, 'caisson cluster')).toMatch(/^Renewal of certificates \(weekly\): last looked \d/m);
    });
  });

  describe('a component that is frozen', () => {
    it('is noticed within interval x (errors + 1) and one time-out, restarted and healthy again, and that is told', async () => {
      const site = get();
      const before = keepOf(await clusterState(site), 'm1/rbd-hub')?.restarts ?? 0;
      await site.bash('m1', 'docker pause rbd-hub');
      const frozen = performance.now();
      const noticed = await until(INTERVAL * (MAX_ERRORS + 1) + TIMEOUT + SLACK, (report) => report.components['m1/rbd-hub'] !== 'healthy');
      console.log(`      a frozen rbd-hub was noticed after ${Math.round((performance.now() - frozen) / 1000)} s`);
      expect(noticed.status).toBe(6);
      await untilHealthy(site, 120_000);
      console.log(`      it was healthy again after ${Math.round((performance.now() - frozen) / 1000)} s`);
      expect(keepOf(await clusterState(site), 'm1/rbd-hub')).toMatchObject({
        restarts: before + 1,
        last: { because: expect.stringContaining('no answer within 10 s') },
      });
      expect(await site.bash('m1', 'docker inspect --format "{{.State.Status}}" rbd-hub')).toBe('running');
      expect(await site.bash('m1', 'journalctl --unit caisson-agent --output cat')).toMatch(
        /Restarting "rbd-hub" \(rbd-hub\.service, restart/,
      );
      expect(await site.bash(site.seed, 'caisson cluster')).toMatch(/rbd-hub .* restarted at .*no answer within 10 s/);
    });

    it('is not restarted while what it needs is down, which is told first; it is when that is back', async () => {
      const site = get();
      // The gateway waits for what takes its connections: the guard of the hub, and the hub behind it.
      await site.bash('m1', 'systemctl stop rbd-hub haproxy');
      const before = keepOf(await until(60, (report) => report.components['m1/rbd-hub'] === 'stopped'), 'g1/rbd-gateway')?.restarts ?? 0;
      await site.bash('g1', 'docker pause rbd-gateway');
      const limit = INTERVAL * (MAX_ERRORS + 1) + TIMEOUT + SLACK;
      const waiting = await until(limit, (report) => keepOf(report, 'g1/rbd-gateway')?.standing === 'waiting');
      expect(keepOf(waiting, 'g1/rbd-gateway')).toMatchObject({ restarts: before, waitsFor: ['rbd-hub@m1'] });
      expect((await site.try(site.seed, 'caisson cluster')).stderr).toContain('rbd-hub@m1 is down and rbd-gateway@g1 waits for it');
      // A person stopped the hub: nothing starts it.
      expect(keepOf(waiting, 'm1/rbd-hub')?.standing).toBeUndefined();
      await site.bash('m1', 'systemctl start rbd-hub haproxy');
      await untilHealthy(site, 180_000);
      expect(keepOf(await clusterState(site), 'g1/rbd-gateway')?.restarts).toBe(before + 1);
    });
  });
}
