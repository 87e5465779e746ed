import type { ContainerEngine, EngineImage } from './containers/container-engine.ts';
import { ABSENT, SAME, type Found, type ResourceKind } from './kind.ts';

/** An image in the container engine of a host. Its key is the name. */
export type ImageSpec = EngineImage;

export const imageKind: ResourceKind<ImageSpec> = {
  look: async (host, wanted, { engine, signal }) => {
    const ids = await engineOf(engine).images(
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
  ensure: async (host, wanted, context) => {
    const { signal } = context;
    const engine = engineOf(context.engine);
    const ids = await engine.images(
      host,
      wanted.map(({ key }) => key),
      signal,
    );
    for (const { key, spec } of wanted) if (ids.get(key) !== spec.config) await engine.pull(host, spec, signal);
  },
  remove: async (host, owned, { engine, signal }) => {
    await engine?.removeImages(
      host,
      owned.flatMap(({ key, details }) => [key, ...(details?.['source'] === undefined ? [] : [details['source']])]),
      signal,
    );
  },
  // A pull that was interrupted before its image got its name leaves the image under its source.
  details: ({ source }) => ({ source }),
};

/** Images are wanted only on hosts with an engine. */
function engineOf(engine: ContainerEngine | undefined): ContainerEngine {
  if (engine === undefined) throw new Error('an image is wanted on a host without an engine');
  return engine;
}
