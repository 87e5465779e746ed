import { describe, expect, it } from 'vitest';
import { CLEAN_IMAGES, edited, linesOf } from './lint-sample.ts';

const WITH_REGISTRY = edited('platform.yaml', 'hostNames:', 'registry: { name: hub.example, component: store }\nhostNames:');

describe('the names of images in the registry of the cluster', () => {
  const images = `${CLEAN_IMAGES}registry.example/acme/store:1\n`;
  const clash = (line: string): boolean => line.includes('in the registry of the cluster');

  it('are those behind the names of their registries, and a mistake where two images get one', async () => {
    const found = (await linesOf({ files: WITH_REGISTRY, images })).filter(clash);
    expect(found).toEqual([
      expect.stringMatching(
        /^error images\.txt:\d+:1: "registry\.example\/acme\/store:1" and "docker\.io\/acme\/store:1" \(images\.txt:\d+\) would both be hub\.example\/acme\/store:1 in the registry of the cluster \(give one of them another path or tag: SOURCE as NAME\)$/,
      ),
    ]);
  });

  it('are no matter for a platform without a registry, nor where tags differ', async () => {
    expect((await linesOf({ images })).filter(clash)).toEqual([]);
    const others = `${CLEAN_IMAGES}registry.example/acme/store:2\n`;
    expect((await linesOf({ files: WITH_REGISTRY, images: others })).filter(clash)).toEqual([]);
  });
});
