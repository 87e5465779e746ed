import { isLoopback } from '../net/index.ts';
import type { ImageReference } from '../oci/index.ts';

/** Mirrors that are asked instead of a registry, by its canonical name: docker.io → http://127.0.0.1:5001. */
export type Mirrors = ReadonlyMap<string, URL | string>;

/** The server that is asked for the images of one registry. */
export interface Endpoint {
  /** https://host[:port] */
  readonly origin: string;
  /** Path between /v2/ and the repository on a mirror that proxies several registries: "docker-hub/". */
  readonly prefix: string;
  /** The name that credentials are stored under: the mirror's own, never the upstream's, when there is one. */
  readonly credentialsName: string;
}

const HUB_ORIGIN = 'https://registry-1.docker.io';

/** The mirror if the domain has one, else the registry itself: https, but plain http on this machine. */
export function endpointOf(domain: string, mirrors: Mirrors): Endpoint {
  const address = mirrors.get(domain);
  if (address !== undefined) {
    const mirror = new URL(address);
    const path = mirror.pathname.replace(/^\/v2(?=\/|$)/, '').replace(/^\/+|\/+$/g, '');
    return { origin: mirror.origin, prefix: path === '' ? '' : `${path}/`, credentialsName: mirror.host };
  }
  if (domain === 'docker.io') return { origin: HUB_ORIGIN, prefix: '', credentialsName: domain };
  const scheme = isLoopback(new URL(`http://${domain}`).hostname) ? 'http' : 'https';
  return { origin: `${scheme}://${domain}`, prefix: '', credentialsName: domain };
}

/** The address of a manifest, a blob or a list of referrers (distribution-spec, Pulling, Listing Referrers). */
export function addressOf(endpoint: Endpoint, reference: ImageReference, kind: 'manifests' | 'blobs' | 'referrers', name: string): string {
  return `${endpoint.origin}/v2/${endpoint.prefix}${reference.repository}/${kind}/${name}`;
}
