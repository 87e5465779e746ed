import { bundleBlobs } from '../bundle/index.ts';
import type { StepContext } from '../engine/index.ts';
import { HttpClient } from '../net/index.ts';
import { parseDestination, pushBundle, type PushReport } from '../push/index.ts';
import { endpointOf, RegistryWriter, type FindCredentials } from '../registry/index.ts';
import type { RegistryContent, RegistryFiller } from '../usecases/index.ts';

/** Requests to the registry at the same time. */
const JOBS = 4;

/**
 * Fills the registry of a cluster with the client of `caisson push`. It connects to the address of the registry alone, through no
 * proxy, and with the login of the site, where the platform has one.
 */
export const registryFiller: RegistryFiller = {
  isFilled: async (content, context) => {
    const { images } = await push(content, { planOnly: true }, { ...context, emit: () => {} });
    return images.every(({ outcome }) => outcome === 'present');
  },
  fill: async (content, context) => {
    await push(content, { planOnly: false }, context);
  },
};

async function push(
  { registry, bundle, authority, login, clock }: RegistryContent,
  { planOnly }: { readonly planOnly: boolean },
  { emit, signal }: StepContext,
): Promise<PushReport> {
  const destination = parseDestination(registry.name);
  const { hostname } = new URL(`https://${destination.domain}`);
  const http = new HttpClient({ env: {}, emit, clock, ca: [authority], addresses: new Map([[hostname, registry.address]]) });
  try {
    const findCredentials: FindCredentials = async () => (login === undefined ? undefined : { type: 'password', ...login });
    const writer = new RegistryWriter(endpointOf(destination.domain, new Map()), { http, findCredentials, clock, emit });
    return await pushBundle(
      { images: bundle.manifest.images, blobs: bundleBlobs(bundle) },
      { destination, keepDomain: false, reduceIndexes: true, planOnly, jobs: JOBS },
      { registry: writer, clock, emit, signal },
    );
  } finally {
    await http.close();
  }
}
