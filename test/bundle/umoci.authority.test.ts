import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../support/ask.ts';
import { NAMES, useReadersBundle } from '../support/readers-bundle.ts';

const bundle = useReadersBundle();
let layout: string;

beforeAll(async () => {
  layout = join(bundle().directory, 'layout');
  mkdirSync(layout);
  await ask(bundle().directory, 'tar', '-xf', bundle().path, '-C', layout);
});

async function umoci(...argv: readonly string[]): Promise<string> {
  return (await ask(bundle().directory, 'umoci', ...argv)).stdout;
}

describe('umoci, in the layout that tar extracted', () => {
  it('lists every image by its full name', async () => {
    expect((await umoci('list', '--layout', layout)).trimEnd().split('\n').toSorted()).toEqual(Object.values(NAMES).toSorted());
  });

  it.each([NAMES.oci, NAMES.ociAgain])('unpacks %s', async (name) => {
    const target = join(bundle().directory, name.replaceAll(/\W/g, '-'));
    await umoci('unpack', '--rootless', '--image', `${layout}:${name}`, target);
    expect(readFileSync(join(target, 'rootfs/bin/alpha'), 'utf8')).toBe('alpha\n'.repeat(300));
    expect(readFileSync(join(target, 'rootfs/etc/shared'), 'utf8')).toBe('shared by two\n');
    expect(JSON.parse(readFileSync(join(target, 'config.json'), 'utf8')).process.args).toEqual(['/bin/true']);
  });

  it('sees the layers of an image under their digests', async () => {
    const { history } = JSON.parse(await umoci('stat', '--json', '--image', `${layout}:${NAMES.oci}`));
    const digests = history.map((item: { layer: { digest: string } }) => item.layer.digest);
    expect(digests).toEqual(
      bundle()
        .image(NAMES.oci)
        .platforms[0]?.layers.map(({ digest }) => digest),
    );
  });

  // Limits of this version (0.4.7), which docs/format.md names.
  it('refuses an index of several platforms, and media types other than OCI’s', async () => {
    const unpack = async (name: string): Promise<string> =>
      umoci('unpack', '--image', `${layout}:${name}`, join(bundle().directory, 'none'));
    await expect(unpack(NAMES.index)).rejects.toThrow('tag is ambiguous');
    await expect(unpack(NAMES.docker)).rejects.toThrow('does not point to ispec.MediaTypeImageManifest');
  });
});
