import { describe, expect, it } from 'vitest';
import { readLogs, type NodeLogEntry } from '../../src/usecases/index.ts';
import { THREE_NODES } from '../support/sample-install.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { useSampleSites } from '../support/use-sites.ts';

const samples = useSampleSites(useTempDir());

function entry(cursor: number, message: string): string {
  return JSON.stringify({ __CURSOR: `c${cursor}`, __REALTIME_TIMESTAMP: `176722560000${cursor}000`, MESSAGE: message });
}

describe('readLogs', () => {
  it('goes on behind the last message of each host when it follows, until it is stopped', async () => {
    const site = await samples.open({ nodes: THREE_NODES });
    await site.install();
    const stop = new AbortController();
    const shown: NodeLogEntry[][] = [];
    for (const name of ['f1', 'f2']) {
      site.machine(name).programs.set('journalctl', (words) => {
        const after = words.find((word) => word.startsWith('--after-cursor='))?.slice('--after-cursor='.length);
        if (after === undefined) return { stdout: name === 'f1' ? entry(1, 'first') : '' };
        return { stdout: after === 'c1' ? entry(2, 'second') : '' };
      });
    }
    const following = readLogs({ ...site.options, signal: stop.signal }, { component: 'web', lines: 10, follow: true }, (entries) => {
      shown.push([...entries]);
      // Two questions after the last message: it is shown once.
      if (shown.length === 4) stop.abort();
    });
    await expect(following).rejects.toThrow();
    expect(shown.map((entries) => entries.map(({ node, message }) => `${node} ${message}`))).toEqual([['f1 first'], ['f1 second'], [], []]);
  });

  it('says that the definitions of a component were taken away by hand', async () => {
    const site = await samples.open({ nodes: THREE_NODES });
    await site.install();
    site.machine('f1').files.delete('/opt/sample/conf/web.yaml');
    const asked = readLogs(site.options, { component: 'web', nodes: ['f1'], lines: 10 }, () => {});
    await expect(asked).rejects.toMatchObject({ code: 'SITE_CONFLICT', hint: 'Put them back: caisson install --offline' });
  });
});
