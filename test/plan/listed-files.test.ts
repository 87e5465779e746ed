import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openBundle } from '../../src/bundle/index.ts';
import { digestOf } from '../../src/core/index.ts';
import { wantedOn } from '../../src/plan/index.ts';
import { componentFiles } from '../../src/plan/wanted/component-files.ts';
import { releaseOf } from '../../src/plan/wanted/images.ts';
import { rendererOf } from '../../src/plan/wanted/renderer.ts';
import type { Resource } from '../../src/resources/index.ts';
import { writeSampleBundle } from '../support/sample-install.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { RICH_MANIFESTS, SAMPLE_IMAGES, useDeclared } from './sample-declared.ts';

const declare = useDeclared();
const directory = useTempDir();
const PROXY = 'components/proxy/component.yaml';
const MORE = `artifacts:
  - { path: "\${var.root}/bin/ctl", owner: "300:0", file: "tools/ctl@1.tar.gz", member: /bin/ctl }
  - { path: "\${var.root}/plain", mode: "0644", file: plain, onChange: nothing }
`;

interface Seen {
  /** Artifacts of the component, by key. */
  readonly artifacts: ReadonlyMap<string, Resource>;
  /** What stands for an artifact in the digests by which services restart or reload, by path. */
  readonly releases: ReadonlyMap<string, string>;
  /** The release of the component, by which an upgrade of it is known. */
  readonly release: string;
}

/** A component whose artifacts are files of a bundle with these. */
async function seenWith(listedFiles: Readonly<Record<string, string>>): Promise<Seen> {
  const manifests = { ...RICH_MANIFESTS, [PROXY]: (RICH_MANIFESTS[PROXY] ?? '').replace('artifacts:\n', MORE) };
  const path = join(directory(), `${digestOf(JSON.stringify(listedFiles)).slice(7, 15)}.tar`);
  const bundle = await openBundle(await writeSampleBundle(path, { manifests, images: SAMPLE_IMAGES, listedFiles }));
  try {
    const declared = await declare({ manifests, supply: { bundle } });
    const wanted = (await wantedOn(declared, 'f1')).filter(({ owner, kind }) => owner === 'proxy' && kind === 'artifact');
    const placement = declared.topology.placements.find(({ component, host }) => component.name === 'proxy' && host.name === 'f1');
    if (placement === undefined) throw new Error('the sample has a proxy on f1');
    const { artifacts } = await componentFiles(declared, placement, rendererOf(declared, placement));
    return {
      artifacts: new Map(wanted.map((one) => [one.key, one])),
      releases: new Map(artifacts.map(({ path: at, release }) => [at, release])),
      release: releaseOf(declared, placement.component),
    };
  } finally {
    await bundle.close();
  }
}

const FILES = { 'tools/ctl@1.tar.gz': 'an archive', plain: 'plain' };

describe('a component with files of files.txt', () => {
  it('takes them from the depot by the digest of the bundle, whole or by a member', async () => {
    const { artifacts } = await seenWith(FILES);
    const depot = 'https://depot.caisson:5443/files/files';
    expect(artifacts.get('/opt/sample/bin/ctl')).toMatchObject({
      spec: {
        mode: 0o755,
        owner: '300:0',
        from: { url: `${depot}/tools/ctl%401.tar.gz`, digest: digestOf('an archive'), member: '/bin/ctl' },
      },
    });
    expect(artifacts.get('/opt/sample/plain')).toMatchObject({
      spec: { mode: 0o644, from: { url: `${depot}/plain`, digest: digestOf('plain') } },
    });
  });

  it('places a new version, which its services start anew or reload with', async () => {
    const [before, after] = [await seenWith(FILES), await seenWith({ ...FILES, 'tools/ctl@1.tar.gz': 'newer' })];
    const moved = (['artifacts', 'releases'] as const).map((what) =>
      [...after[what]].flatMap(([key, now]) => {
        const was = before[what].get(key);
        return (typeof now === 'string' ? now === was : typeof was === 'object' && now.digest === was.digest) ? [] : [key];
      }),
    );
    expect(moved).toEqual([['/opt/sample/bin/ctl'], ['/opt/sample/bin/ctl']]);
    expect(after.release).not.toBe(before.release);
    expect((await seenWith({ ...FILES, other: 'of no component' })).release).toBe(before.release);
  });

  it('is refused by the plan where the bundle lacks one', async () => {
    await expect(seenWith({ plain: 'plain' })).rejects.toMatchObject({
      code: 'HOSTS_UNFIT',
      message: 'Cannot take the file "tools/ctl@1.tar.gz": the bundle does not hold it',
      hint: expect.stringContaining('files.txt'),
    });
  });
});
