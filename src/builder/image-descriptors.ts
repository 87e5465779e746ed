import type { LockedDescriptor, LockedImage } from './lock.ts';

/** Every descriptor that an image needs, as often as the lock has it. */
export function descriptorsOf(image: LockedImage): readonly LockedDescriptor[] {
  return [
    ...image.documents,
    ...image.manifests.flatMap(({ config, layers }) => [config, ...layers]),
    ...(image.artifacts ?? []).flatMap(({ blobs }) => blobs),
    ...(image.attached ?? []).flatMap(({ manifest, blobs }) => [manifest, ...blobs]),
  ];
}

/** Bytes of everything that an image needs. A blob that images share counts for each of them. */
export function imageSize(image: LockedImage): number {
  const sizes = new Map(descriptorsOf(image).map(({ digest, size }) => [digest, size]));
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}
