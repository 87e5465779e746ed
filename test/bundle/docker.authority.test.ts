import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dockerEngine, type Engine } from '../support/docker-engine.ts';
import { NAMES, useReadersBundle } from '../support/readers-bundle.ts';

const bundle = useReadersBundle();

/** As the engine shows them: without docker.io/library/. */
const familiar = Object.values(NAMES).map((name) => name.replace('docker.io/library/', ''));

let engine: Engine;
let output: string;

beforeAll(async () => {
  engine = await dockerEngine();
  output = (await engine.docker(['load', '-i', bundle().path])).stdout;
});

afterAll(async () => {
  await engine.docker(['image', 'rm', '--force', ...familiar]);
});

async function inspect(
  name: string,
): Promise<{ Id: string; Architecture: string; RepoTags: string[]; RepoDigests: string[]; RootFS: { Layers: string[] } }> {
  return JSON.parse((await engine.docker(['image', 'inspect', name])).stdout)[0];
}

describe('docker load', () => {
  it('loads every image under its name, and says nothing else', () => {
    expect(output.trimEnd().split('\n').toSorted()).toEqual(familiar.map((name) => `Loaded image: ${name}`).toSorted());
  });

  it.each(Object.values(NAMES))('gives %s its config, its layers and the first platform', async (name) => {
    const wanted = bundle().image(name).platforms[0];
    const found = await inspect(name);
    expect(found.Id).toBe(wanted?.config.digest);
    expect(found.Architecture).toBe('amd64');
    expect(found.RootFS.Layers).toHaveLength(wanted?.layers.length ?? 0);
  });

  it('knows both names of one image', async () => {
    expect((await inspect(NAMES.oci)).RepoTags.toSorted()).toEqual(['alpha:1.0', 'alpha:stable']);
  });

  // The limit that docs/format.md names: digests of manifests are forgotten.
  it('finds no image by the digest of its manifest', async () => {
    for (const name of [NAMES.oci, NAMES.index]) {
      expect((await inspect(name)).RepoDigests).toEqual([]);
      await expect(inspect(`${name.slice(0, name.lastIndexOf(':'))}@${bundle().image(name).root.digest}`)).rejects.toThrow(/No such image/);
    }
  });
});
