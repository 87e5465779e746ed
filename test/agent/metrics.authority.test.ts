import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { serveStatus } from '../../src/agent/index.ts';
import { silent } from '../../src/core/index.ts';
import { request } from '../../src/health/http-client.ts';
import { promtool } from '../support/promtool.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { testAuthority } from '../support/test-certificates.ts';
import { useAgent } from './use-agent.ts';

const temp = useTempDir();
const on = useAgent();

describe('the metrics of an agent', () => {
  it('are without fault for promtool, with the certificates and the file systems of the node', async () => {
    const path = join(temp(), 'tls.crt');
    await writeFile(path, (await testAuthority()).cert);
    on.config = { ...on.config, certificates: [{ component: 'store', name: 'peers', path }], directories: ['/', temp()] };
    await on.define('a.yaml', '{ name: a, start: a }');
    on.start();
    const abort = new AbortController();
    const serving = serveStatus(on.agent, on.config, abort.signal, silent);
    const ask = async (): Promise<string> =>
      request('http://agent/metrics', { timeoutMs: 5000, signal: abort.signal, socketPath: on.config.socket }, (response) =>
        text(response),
      );
    try {
      await expect.poll(async () => ask().catch(() => ''), { timeout: 60_000 }).toContain('caisson_certificate_not_after');
      const metrics = await ask();
      for (const series of ['component_healthy{component="a"}', 'certificate_not_after_timestamp_seconds{component="store",name="peers"}'])
        expect(metrics).toContain(`\ncaisson_${series} `);
      expect(metrics).toMatch(/^caisson_file_system_available_bytes\{mount="[^"]+"\} \d+$/m);
      expect(Math.abs(Number(/^caisson_node_time_seconds (\S+)$/m.exec(metrics)?.[1]) - Date.now() / 1000)).toBeLessThan(60);
      expect(await promtool(['check', 'metrics'], metrics)).toEqual({ status: 0, said: '' });
    } finally {
      abort.abort();
      await serving;
    }
  });
});
