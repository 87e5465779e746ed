import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../support/ask.ts';
import { NAMES, useReadersBundle } from '../support/readers-bundle.ts';

const bundle = useReadersBundle();

/** podman with storage of its own, by name: one store does not know what another one loaded. */
async function podman(store: string, ...argv: readonly string[]): Promise<string> {
  const { directory } = bundle();
  const own = ['--root', join(directory, store), '--runroot', join(directory, `${store}-run`), '--storage-driver', 'vfs'];
  return (await ask(directory, 'podman', ...own, ...argv)).stdout;
}

interface Inspected {
  readonly Id: string;
  readonly Architecture: string;
  readonly RepoTags: readonly string[];
  readonly RepoDigests: readonly string[];
}

async function inspect(store: string, name: string): Promise<Inspected> {
  return JSON.parse(await podman(store, 'image', 'inspect', name))[0];
}

describe('podman load', () => {
  let output: string;

  beforeAll(async () => {
    output = await podman('loaded', 'load', '-i', bundle().path);
  });

  it('loads every image under its name', () => {
    expect(output.trimEnd().split('\n').toSorted()).toEqual(
      Object.values(NAMES)
        .map((name) => `Loaded image: ${name}`)
        .toSorted(),
    );
  });

  it.each(Object.values(NAMES))('gives %s its config, and the first platform', async (name) => {
    const { Id, Architecture, RepoTags } = await inspect('loaded', name);
    expect(`sha256:${Id}`).toBe(bundle().image(name).platforms[0]?.config.digest);
    expect(Architecture).toBe('amd64');
    expect(RepoTags).toContain(name);
  });

  // The limit that docs/format.md names: it reads manifest.json, which has no manifests, and makes its own.
  it('gives a manifest another digest, so that an image is not found by its own', async () => {
    for (const name of [NAMES.oci, NAMES.index]) {
      const own = `${name.slice(0, name.lastIndexOf(':'))}@${bundle().image(name).root.digest}`;
      expect((await inspect('loaded', name)).RepoDigests).not.toContain(own);
      await expect(podman('loaded', 'image', 'inspect', own)).rejects.toThrow(/no such image|image not known/);
    }
  });
});

describe('podman pull', () => {
  it.each([NAMES.oci, NAMES.index, NAMES.sparse])('of oci-archive keeps the digest of %s, by which it is then found', async (name) => {
    await podman('pulled', 'pull', `oci-archive:${bundle().path}:${name}`);
    const own = `${name.slice(0, name.lastIndexOf(':'))}@${bundle().image(name).root.digest}`;
    const { Id, RepoDigests } = await inspect('pulled', own);
    expect(`sha256:${Id}`).toBe(bundle().image(name).platforms[0]?.config.digest);
    expect(RepoDigests).toContain(own);
  });

  it('of docker-archive takes an image with Docker’s media types, which oci-archive does not find by name', async () => {
    await expect(podman('typed', 'pull', `oci-archive:${bundle().path}:${NAMES.docker}`)).rejects.toThrow('no descriptor found');
    const id = await podman('typed', 'pull', `docker-archive:${bundle().path}:${NAMES.docker}`);
    expect(`sha256:${id.trim()}`).toBe(bundle().image(NAMES.docker).platforms[0]?.config.digest);
  });
});
