import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/core/index.ts';
import { ask } from '../support/ask.ts';
import { NAMES, useReadersBundle } from '../support/readers-bundle.ts';

const bundle = useReadersBundle();

async function skopeo(...argv: readonly string[]): Promise<string> {
  return (await ask(bundle().directory, 'skopeo', '--insecure-policy', ...argv)).stdout;
}

/** Copies into a directory, and gives the manifest or index that arrived. */
async function copied(source: string, ...flags: readonly string[]): Promise<{ readonly target: string; readonly bytes: Buffer }> {
  const target = join(bundle().directory, `copy-${source.replaceAll(/\W/g, '-')}`);
  await skopeo('copy', ...flags, source, `dir:${target}`);
  return { target, bytes: readFileSync(join(target, 'manifest.json')) };
}

describe('skopeo oci-archive', () => {
  it.each([NAMES.oci, NAMES.ociAgain, NAMES.index, NAMES.sparse])('finds %s by its full name, byte for byte', async (name) => {
    expect(digestOf(await skopeo('inspect', '--raw', `oci-archive:${bundle().path}:${name}`))).toBe(bundle().image(name).root.digest);
  });

  it('copies an OCI image with its manifest, config and layers unchanged', async () => {
    const { target, bytes } = await copied(`oci-archive:${bundle().path}:${NAMES.oci}`, '--preserve-digests');
    const { root, platforms } = bundle().image(NAMES.oci);
    expect(digestOf(bytes)).toBe(root.digest);
    for (const { digest } of platforms.flatMap(({ config, layers }) => [config, ...layers])) {
      expect(digestOf(readFileSync(join(target, digest.slice('sha256:'.length))))).toBe(digest);
    }
  });

  it('copies an index with all its platforms, byte for byte', async () => {
    const { bytes } = await copied(`oci-archive:${bundle().path}:${NAMES.index}`, '--all', '--preserve-digests');
    expect(digestOf(bytes)).toBe(bundle().image(NAMES.index).root.digest);
  });

  it('copies one platform of an index of which the bundle holds not every one', async () => {
    const { bytes } = await copied(`oci-archive:${bundle().path}:${NAMES.sparse}`, '--preserve-digests');
    expect(digestOf(bytes)).toBe(bundle().image(NAMES.sparse).platforms[0]?.manifest.digest);
  });

  it('fails to copy all platforms of such an index', async () => {
    await expect(copied(`oci-archive:${bundle().path}:${NAMES.sparse}`, '--all')).rejects.toThrow(/no such file or directory/);
  });

  // Limits of this version (1.9.3; containers/image before 5.35), which docs/format.md names.
  it.each([NAMES.docker, NAMES.dockerIndex])('does not find %s by name, because its media type is Docker’s', async (name) => {
    await expect(skopeo('inspect', '--raw', `oci-archive:${bundle().path}:${name}`)).rejects.toThrow('no descriptor found for reference');
  });

  it('does not know a name with a digest', async () => {
    const name = `${NAMES.oci.split(':')[0]}@${bundle().image(NAMES.oci).root.digest}`;
    await expect(skopeo('inspect', '--raw', `oci-archive:${bundle().path}:${name}`)).rejects.toThrow('no descriptor found for reference');
  });
});

describe('skopeo oci', () => {
  it('copies by tag from the layout that tar extracted', async () => {
    const layout = join(bundle().directory, 'layout');
    await ask(bundle().directory, 'mkdir', layout);
    await ask(bundle().directory, 'tar', '-xf', bundle().path, '-C', layout);
    const { bytes } = await copied(`oci:${layout}:${NAMES.index}`, '--all', '--preserve-digests');
    expect(digestOf(bytes)).toBe(bundle().image(NAMES.index).root.digest);
  });
});

describe('skopeo docker-archive', () => {
  it('lists every name', async () => {
    const { Tags } = JSON.parse(await skopeo('list-tags', `docker-archive:${bundle().path}`));
    expect([...Tags].sort()).toEqual(Object.values(NAMES).toSorted());
  });

  it.each(Object.values(NAMES))('copies %s for the first platform, with the config that it has', async (name) => {
    const { target, bytes } = await copied(`docker-archive:${bundle().path}:${name}`);
    const { config, layers } = JSON.parse(bytes.toString());
    const wanted = bundle().image(name).platforms[0];
    expect(config.digest).toBe(wanted?.config.digest);
    expect(digestOf(readFileSync(join(target, config.digest.slice('sha256:'.length))))).toBe(wanted?.config.digest);
    expect(layers).toHaveLength(wanted?.layers.length ?? 0);
  });

  it('makes a manifest of its own, so that the digest is another', async () => {
    const raw = await skopeo('inspect', '--raw', `docker-archive:${bundle().path}:${NAMES.docker}`);
    expect(digestOf(raw)).not.toBe(bundle().image(NAMES.docker).root.digest);
  });
});
