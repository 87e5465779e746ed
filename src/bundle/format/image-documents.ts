import type { BundleImage } from './manifest.ts';
import { blobPath, compareText } from './member-path.ts';

const INDEX_MEDIA_TYPE = 'application/vnd.oci.image.index.v1+json';
const CONFIG_MEDIA_TYPES: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
]);

/** The marker of an OCI image layout (image-spec image-layout.md#oci-layout-file). */
export function ociLayoutDocument(): string {
  return '{"imageLayoutVersion":"1.0.0"}\n';
}

/**
 * index.json (image-spec image-layout.md#indexjson-file). Each image carries its full name twice: skopeo and podman find
 * it by org.opencontainers.image.ref.name, containerd names it by io.containerd.image.name.
 */
export function indexDocument(images: readonly BundleImage[]): string {
  const manifests = [...images]
    .sort((left, right) => compareText(left.name, right.name))
    .map(({ name, root }) => ({
      mediaType: root.mediaType,
      digest: root.digest,
      size: root.size,
      annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name },
    }));
  return `${JSON.stringify({ schemaVersion: 2, mediaType: INDEX_MEDIA_TYPE, manifests }, undefined, 1)}\n`;
}

/**
 * manifest.json as `docker save` writes it, for `docker load` and docker-archive readers. It has no place for several
 * platforms under one name, so it lists the images of the bundle's first platform; names of one image share one item.
 * Charts and attestations are left out, because docker refuses manifests that it cannot run.
 */
export function dockerDocument(images: readonly BundleImage[], platform: string | undefined): string {
  const items = new Map<string, { Config: string; RepoTags: string[]; Layers: string[] }>();
  for (const image of [...images].sort((left, right) => compareText(left.name, right.name))) {
    const chosen = image.platforms.find((candidate) => candidate.platform === platform);
    if (chosen === undefined || !CONFIG_MEDIA_TYPES.has(chosen.config.mediaType)) continue;
    const item = items.get(chosen.manifest.digest);
    if (item !== undefined) item.RepoTags.push(image.name);
    else {
      items.set(chosen.manifest.digest, {
        Config: blobPath(chosen.config.digest),
        RepoTags: [image.name],
        Layers: chosen.layers.map((layer) => blobPath(layer.digest)),
      });
    }
  }
  return `${JSON.stringify([...items.values()], undefined, 1)}\n`;
}
