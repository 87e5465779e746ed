import pLimit from 'p-limit';
import { formatPlatform, type Platform } from '../core/index.ts';
import type { ImageSource } from '../oci/index.ts';
import { formatOrigin, parseSource } from '../sources/index.ts';
import { artifactInOrder, attachedInOrder, descriptorInOrder, type LockedImage } from './lock.ts';
import type { Place } from './failure-lines.ts';
import { orUnresolved, type Unresolved } from './unresolved.ts';

/** One line of images.txt: the source, and the full name under which nodes ask for the image. */
export interface ImageRequest {
  readonly source: string;
  readonly name: string;
  /** Signatures, SBOMs and attestations are asked for, too. */
  readonly attached?: boolean;
  /** The platforms of the build that the line names; undefined for all. */
  readonly platforms?: readonly Platform[];
  /** The line that asks for it, for messages. */
  readonly place?: Place;
}

export interface ImageTools {
  readonly images: ImageSource;
  /** Most images that are resolved at the same time. */
  readonly jobs: number;
  readonly signal?: AbortSignal | undefined;
  /** Told the number of images that are done, failed ones included, and the name of the last one. */
  readonly onResolved?: (done: number, name: string) => void;
}

/**
 * Resolves images to digests, reading manifests only. One that fails is a value among the results, so that all failures
 * are known at once. Results are in the order of the requests.
 */
export async function resolveImages(
  requests: readonly ImageRequest[],
  platforms: readonly Platform[],
  tools: ImageTools,
): Promise<(LockedImage | Unresolved)[]> {
  const limit = pLimit(tools.jobs);
  let done = 0;
  return Promise.all(
    requests.map((request) =>
      limit(async () => {
        tools.signal?.throwIfAborted();
        const result = await orUnresolved(
          `image "${request.source}"`,
          () => resolveImage(request, request.platforms ?? platforms, tools),
          request.place,
        );
        done += 1;
        tools.onResolved?.(done, request.name);
        return result;
      }),
    ),
  );
}

async function resolveImage(request: ImageRequest, platforms: readonly Platform[], { images, signal }: ImageTools): Promise<LockedImage> {
  const { root, documents, manifests, artifacts, attached } = await images.resolve(request.source, {
    platforms,
    ...(request.attached === true ? { attached: true } : {}),
    ...(signal === undefined ? {} : { signal }),
  });
  return {
    source: request.source,
    name: request.name,
    origin: formatOrigin(parseSource(request.source), root.digest),
    platforms: artifacts === undefined ? platforms.map(formatPlatform) : [],
    root: descriptorInOrder(root),
    documents: documents.map(descriptorInOrder),
    manifests: manifests.map(({ platform, manifest, config, layers }) => ({
      platform: formatPlatform(platform),
      manifest: descriptorInOrder(manifest),
      config: descriptorInOrder(config),
      layers: layers.map(descriptorInOrder),
    })),
    ...(artifacts === undefined ? {} : { artifacts: artifacts.map(artifactInOrder) }),
    ...(request.attached === true ? { attached: (attached ?? []).map(attachedInOrder) } : {}),
  };
}
