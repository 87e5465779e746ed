import type { EngineImage } from './containers/container-engine.ts';
import { ABSENT, SAME, type Found, type ResourceKind } from './kind.ts';

/** An image in the container engine of a host. Its key is the name. */
export type ImageSpec = EngineImage;

export const imageKind: ResourceKind<ImageSpec> = {
  look: async (host, wanted, { engine, signal }) => {
    const ids = await engine.images(
      host,
      wanted.map(({ key }) => key),
      signal,
    );
    return wanted.map(({ key, spec }): Found => {
      const id = ids.get(key);
      if (id === undefined) return ABSENT;
      return id === spec.config ? SAME : { state: 'different', why: 'another image has its name' };
    });
  },
  ensure: async (host, wanted, { engine, signal }) => {
    const ids = await engine.images(
      host,
      wanted.map(({ key }) => key),
      signal,
    );
    for (const { key, spec } of wanted) if (ids.get(key) !== spec.config) await engine.pull(host, spec, signal);
  },
  remove: (host, owned, { engine, signal }) =>
    engine.removeImages(
      host,
      owned.flatMap(({ key, details }) => [key, ...(details?.['source'] === undefined ? [] : [details['source']])]),
      signal,
    ),
  // A pull that was interrupted before its image got its name leaves the image under its source.
  details: ({ source }) => ({ source }),
};
