import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBundle, type BundleReader } from '../../src/bundle/index.ts';
import { registryFiller } from '../../src/cli/registry-filler.ts';
import { digestOf, silent, systemClock } from '../../src/core/index.ts';
import type { RegistryContent } from '../../src/usecases/index.ts';
import { run } from '../lab/run.ts';
import { startDockerRegistry, type DockerRegistry } from '../support/docker-registry.ts';
import { writeSmallBundle } from '../support/small-bundle.ts';
import { useSharedTempDir } from '../support/temp-dir.ts';
import { testAuthority, type TestAuthority } from '../support/test-certificates.ts';

/** No resolver knows it. */
const NAME = 'hub.caisson-test.invalid';
const directory = useSharedTempDir();
const context = { emit: silent, signal: new AbortController().signal };

describe('a docker-registry as the registry of a cluster', () => {
  let bundle: BundleReader;
  let authority: TestAuthority;
  let registry: DockerRegistry;
  let content: RegistryContent;

  beforeAll(async () => {
    const path = join(directory(), 'small.tar');
    await writeSmallBundle(path);
    bundle = await openBundle(path);
    authority = await testAuthority();
    registry = await startDockerRegistry({ tls: await authority.issue([NAME]) });
    const name = `${NAME}:${registry.host.split(':')[1] ?? ''}`;
    content = { bundle, registry: { name, address: '127.0.0.1', hosts: ['m1'] }, authority: authority.cert, clock: systemClock };
  });
  afterAll(async () => {
    await registry?.stop();
    await bundle?.close();
  });

  it('gets every image at its address, over TLS and by its name, with the digests of the bundle', async () => {
    expect(await registryFiller.isFilled(content, context)).toBe(false);
    await registryFiller.fill(content, context);
    expect(await registryFiller.isFilled(content, context)).toBe(true);
    const sent = registry.requests.filter(({ method }) => method !== 'HEAD' && method !== 'GET');
    for (const { name, root } of bundle.manifest.images) {
      const [, path = ''] = /^[^/]+\/(.*)$/.exec(name) ?? [];
      const found = await run(['skopeo', 'inspect', '--raw', '--tls-verify=false', `docker://${registry.host}/${path}`]);
      expect(digestOf(found.stdout), name).toBe(root.digest);
    }
    await registryFiller.fill(content, context);
    expect(registry.requests.filter(({ method }) => method !== 'HEAD' && method !== 'GET')).toEqual(sent);
  });

  it('is not believed with a certificate of another authority', async () => {
    const stranger = await testAuthority();
    await expect(registryFiller.isFilled({ ...content, authority: stranger.cert }, context)).rejects.toMatchObject({
      message: expect.stringContaining('certificate'),
    });
  });

  it('that asks for a login is filled with that of the site, and refuses without it', async () => {
    const user = { name: 'user', password: 'pa:ss word', hash: '$2b$05$abcdefghijklmnopqrstuuDvFYunEEkRAUw6hKd4mLN/wdxTQz.ki' };
    const guarded = await startDockerRegistry({ tls: await authority.issue([NAME]), user });
    try {
      const name = `${NAME}:${guarded.host.split(':')[1] ?? ''}`;
      const anonymous = { ...content, registry: { ...content.registry, name } };
      await expect(registryFiller.isFilled(anonymous, context)).rejects.toMatchObject({ code: 'AUTH_FAILED' });
      const login = { username: user.name, password: user.password };
      await registryFiller.fill({ ...anonymous, login }, context);
      expect(await registryFiller.isFilled({ ...anonymous, login }, context)).toBe(true);
    } finally {
      await guarded.stop();
    }
  });
});
