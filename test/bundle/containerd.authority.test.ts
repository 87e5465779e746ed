import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeSmallBundle } from '../support/small-bundle.ts';
import { startContainerd, type Containerd } from '../support/containerd.ts';
import { NAMES, useReadersBundle } from '../support/readers-bundle.ts';

const bundle = useReadersBundle();
let containerd: Containerd;

beforeAll(async () => {
  containerd = await startContainerd();
});

afterAll(async () => await containerd.stop());

interface Listed {
  readonly name: string;
  readonly digest: string;
  readonly platforms: string;
}

async function images(namespace: string): Promise<readonly Listed[]> {
  const [, ...lines] = (await containerd.ctr(namespace, 'image', 'ls')).trimEnd().split('\n');
  return lines.map((line) => {
    const [name = '', , digest = '', , , platforms = ''] = line.trim().split(/\s+/);
    return { name, digest, platforms };
  });
}

describe('ctr images import', () => {
  it('keeps every name, with the digest of the index or manifest that it stands for', async () => {
    await containerd.ctr('names', 'image', 'import', bundle().path);
    const found = new Map((await images('names')).map(({ name, digest }) => [name, digest]));
    expect(found).toEqual(new Map(Object.values(NAMES).map((name) => [name, bundle().image(name).root.digest])));
  });

  it('has every image whole for this platform, and unpacked', async () => {
    const checked = (await containerd.ctr('names', 'image', 'check')).trimEnd().split('\n').slice(1);
    expect(checked).toHaveLength(Object.values(NAMES).length);
    for (const line of checked) expect(line).toMatch(/ complete \(\d+\/\d+\) .* true$/);
  });

  it('keeps manifest, config and layers under their digests', async () => {
    for (const name of [NAMES.oci, NAMES.docker, NAMES.index]) {
      const [platform] = bundle().image(name).platforms;
      for (const { digest, size } of [platform?.manifest, platform?.config, ...(platform?.layers ?? [])].flatMap((item) => item ?? [])) {
        expect((await containerd.ctr('names', 'content', 'get', digest)).length).toBeGreaterThan(0);
        expect(size).toBeGreaterThan(0);
      }
    }
  });

  it('adds a name for each digest when it is asked to', async () => {
    await containerd.ctr('digests', 'image', 'import', '--no-unpack', '--digests', bundle().path);
    const digests = (await images('digests')).map(({ name }) => name.split('@')[1]).filter((digest) => digest !== undefined);
    expect(new Set(digests)).toEqual(new Set(Object.values(NAMES).map((name) => bundle().image(name).root.digest)));
  });

  it.each([['--all-platforms'], ['--platform', 'linux/arm64']])(
    'takes %s, too, from a bundle that has all of every index',
    async (...flags) => {
      const namespace = `whole${flags.length}`;
      const path = join(bundle().directory, 'whole.tar');
      if (!existsSync(path)) await writeSmallBundle(path);
      await containerd.ctr(namespace, 'image', 'import', '--no-unpack', ...flags, path);
      const { platforms } = (await images(namespace)).find(({ name }) => name === NAMES.index) ?? {};
      expect(platforms?.split(',')).toContain('linux/arm64');
      const arm = bundle().image(NAMES.index).platforms[1];
      expect(JSON.parse(await containerd.ctr(namespace, 'content', 'get', arm?.config.digest ?? '')).architecture).toBe('arm64');
    },
  );

  // The limit that docs/format.md names: only this machine's platform may be all that the bundle has.
  it.each([['--all-platforms'], ['--platform', 'linux/arm64']])(
    'with %s takes nothing, and names the manifest, when an index lists one that the bundle does not hold',
    async (...flags) => {
      const namespace = `sparse${flags.length}`;
      const importing = containerd.ctr(namespace, 'image', 'import', '--no-unpack', ...flags, bundle().path);
      await expect(importing).rejects.toThrow(/content digest sha256:[0-9a-f]{64}: not found/);
      expect(await images(namespace)).toEqual([]);
    },
  );
});
