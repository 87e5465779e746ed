import type { LockedImage } from './lock.ts';

/** Bytes of everything that an image needs. A blob that images share counts for each of them. */
export function imageSize(image: LockedImage): number {
  const descriptors = [
    ...image.documents,
    ...image.manifests.flatMap(({ config, layers }) => [config, ...layers]),
    ...(image.attached ?? []).flatMap(({ manifest, blobs }) => [manifest, ...blobs]),
  ];
  const sizes = new Map(descriptors.map(({ digest, size }) => [digest, size]));
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}
