import { describe, expect, it } from 'vitest';
import { digestOf, parsePlatform } from '../../src/core/index.ts';
import { HttpClient } from '../../src/net/index.ts';
import { parseDockerConfig } from '../../src/registry/index.ts';
import { RegistrySource } from '../../src/sources/index.ts';
import { bytesOf, describeImageSource, SAMPLE_INDEX, SAMPLES } from '../contract/image-source.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { sampleImage, sampleLayer } from '../support/sample-image.ts';

const AMD64 = parsePlatform('linux/amd64');

describeImageSource('docker-registry', async () => {
  const registry = await startDockerRegistry();
  await registry.push('team/app:index', SAMPLE_INDEX);
  await registry.push('team/app:1', SAMPLES.amd64);
  const http = new HttpClient();
  return {
    source: new RegistrySource({ http }),
    image: `${registry.host}/team/app:1`,
    index: `${registry.host}/team/app:index`,
    absent: `${registry.host}/team/app:absent`,
    close: async () => {
      await http.close();
      await registry.stop();
    },
  };
});

describe('docker-registry with a password, as a mirror of docker.io', () => {
  it('is logged in to with what docker login stores, and gives images of both formats', async () => {
    const user = { name: 'user', password: 'pa:ss word', hash: '$2b$05$abcdefghijklmnopqrstuuDvFYunEEkRAUw6hKd4mLN/wdxTQz.ki' };
    const registry = await startDockerRegistry({ user });
    const http = new HttpClient();
    try {
      const docker = sampleImage([sampleLayer('docker', 100_000)], { flavour: 'docker' });
      await registry.push('library/oci:1', SAMPLES.amd64);
      await registry.push('library/docker:1', docker);
      const mirrors = new Map([['docker.io', `http://${registry.host}`]]);

      const stranger = new RegistrySource({ http, mirrors });
      await expect(stranger.resolve('oci:1', { platforms: [AMD64] })).rejects.toMatchObject({ code: 'AUTH_FAILED', status: 401 });

      const auth = Buffer.from(`${user.name}:${user.password}`).toString('base64');
      const findCredentials = parseDockerConfig(JSON.stringify({ auths: { [registry.host]: { auth } } }), 'config.json');
      const source = new RegistrySource({ http, mirrors, findCredentials });
      for (const [reference, image] of [['oci:1', SAMPLES.amd64] as const, ['docker:1', docker] as const]) {
        const { root, manifests } = await source.resolve(reference, { platforms: [AMD64] });
        expect(root).toEqual(image.descriptor);
        for (const layer of manifests[0]?.layers ?? []) {
          expect(digestOf(await bytesOf(await source.openBlob(reference, layer, { offset: 0 })))).toBe(layer.digest);
        }
      }
    } finally {
      await http.close();
      await registry.stop();
    }
  });
});
