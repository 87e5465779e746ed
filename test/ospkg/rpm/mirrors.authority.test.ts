import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock, type Event } from '../../../src/core/index.ts';
import { packageFormat, type FetchFile } from '../../../src/ospkg/index.ts';
import { ask } from '../../support/ask.ts';
import { useLoopbackServers, type LoopbackServer } from '../../support/loopback-server.ts';
import { rpmWorkshop, type RpmWorkshop } from '../../support/rpm-repository.ts';
import { useSharedTempDir } from '../../support/temp-dir.ts';

const format = packageFormat('rpm');

describe('a repository with mirrors', () => {
  const directory = useSharedTempDir();
  const startServer = useLoopbackServers();
  let workshop: RpmWorkshop;
  let server: LoopbackServer;
  let lists: ReadonlyMap<string, string>;

  beforeAll(async () => {
    workshop = await rpmWorkshop(directory(), [
      { name: 'app', version: '1.0' },
      { name: 'app', version: '2.0' },
    ]);
    await workshop.publish(join(directory(), 'stale'), ['app-1.0']);
    await workshop.publish(join(directory(), 'good'), ['app-2.0']);
    for (const mirror of ['stale', 'good']) await workshop.signAsVendor(join(directory(), mirror));
  }, 120_000);

  beforeEach(async () => {
    server = await startServer((request, response) => {
      const path = (request.url ?? '').split('?')[0] ?? '';
      const list = lists.get(path);
      if (list !== undefined) return void response.end(list);
      readFile(join(directory(), path)).then(
        (content) => response.end(content),
        () => response.writeHead(404).end(),
      );
    });
    const at = (mirror: string): string => `${server.origin}/${mirror}`;
    const digest = createHash('sha256')
      .update(readFileSync(join(directory(), 'good/repodata/repomd.xml')))
      .digest('hex');
    const metalink = (mirrors: readonly string[]): string => {
      const urls = mirrors.map(
        (mirror, index) => `<url protocol="http" type="http" preference="${100 - index}">${at(mirror)}/repodata/repomd.xml</url>`,
      );
      return `<?xml version="1.0"?>\n<metalink version="3.0" xmlns="http://www.metalinker.org/"><files><file name="repomd.xml"><verification><hash type="sha256">${digest}</hash></verification><resources>${urls.join('')}</resources></file></files></metalink>\n`;
    };
    lists = new Map([
      ['/metalink', metalink(['absent', 'stale', 'good'])],
      ['/metalink-stale', metalink(['absent', 'stale'])],
      ['/mirrorlist', `# mirrors\n${at('absent')}\n${at('good')}/\n${at('stale')}\n`],
      ['/mirrorlist-absent', `${at('absent')}\n${at('nowhere')}\n`],
    ]);
  });

  const fetchFile: FetchFile = async (url) => {
    const response = await fetch(url);
    return response.ok ? Buffer.from(await response.arrayBuffer()) : undefined;
  };

  async function ours(list: string) {
    const events: Event[] = [];
    const repositories = [
      { url: `${server.origin}/${list}`, mirrors: true, signedBy: 'keys/vendor.asc', signed: 'metadata' as const, prefer: [] },
    ];
    const system = { packages: 'rpm' as const, repositories, exclude: [], base: { packages: [] }, packageSets: [] };
    const source = await format.sourceOf(system, async () => Buffer.from(workshop.vendorKey));
    const request = { id: 'rocky-9', architecture: 'x86_64', source, sets: [{ name: 'apps', packages: ['app'] }] };
    const loaded = await format.load(request, { fetch: fetchFile, clock: systemClock, emit: (event) => events.push(event) });
    return { locked: await loaded.close(), warnings: events.flatMap((event) => (event.type === 'warning' ? [event.message] : [])) };
  }

  /** The versions that dnf finds there. */
  async function dnf(list: string): Promise<string> {
    const work = join(directory(), `dnf-${list}`);
    mkdirSync(join(work, 'conf'), { recursive: true });
    writeFileSync(join(work, 'vendor.asc'), workshop.vendorKey);
    const kind = list.replace(/-.*/, '');
    writeFileSync(
      join(work, 'conf/list.repo'),
      `[list]\nname=list\n${kind}=${server.origin}/${list}\ngpgcheck=1\nrepo_gpgcheck=1\ngpgkey=file://${work}/vendor.asc\nskip_if_unavailable=0\n`,
    );
    const places = [
      `--installroot=${join(work, 'root')}`,
      `--setopt=cachedir=${join(work, 'cache')}`,
      `--setopt=reposdir=${join(work, 'conf')}`,
    ];
    const words = ['-y', '--quiet', '--releasever=9', '--forcearch=x86_64', '--setopt=plugins=False', '--setopt=retries=1'];
    return (await ask(directory(), 'dnf', ...places, ...words, 'repoquery', '--queryformat=%{name} %{evr}', 'app')).stdout.trim();
  }

  it.each(['metalink', 'mirrorlist'])('named by a %s is read from the first mirror that has it, as dnf reads it', async (list) => {
    const { locked, warnings } = await ours(list);
    expect(locked.packages.map(({ name, version, repository }) => `${name} ${version} ${repository}`)).toEqual([
      `app 2.0-1 ${server.origin}/good`,
    ]);
    expect(await dnf(list)).toBe('app 2.0-1');
    expect(warnings[0]).toMatch(/^Cannot use the mirror "http:.*\/absent": Cannot find /);
    expect(warnings).toHaveLength(list === 'metalink' ? 2 : 1);
    if (list === 'metalink') expect(warnings[1]).toMatch(/\/stale": .* is not the one that the metalink lists/);
  });

  it.each(['metalink-stale', 'mirrorlist-absent'])(
    'whose mirrors of %s all fail is refused with what each of them lacks, by dnf, too',
    async (list) => {
      const error = await ours(list).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'REPOSITORY_INVALID' });
      expect(String(error)).toMatch(/any of the 2 mirrors .*absent.*(?:stale|nowhere)/);
      await expect(dnf(list)).rejects.toThrow(/Failed to download metadata|Cannot prepare internal mirrorlist|Cannot download repomd/);
    },
  );
});
