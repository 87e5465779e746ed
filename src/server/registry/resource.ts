/** The resource that a registry URL names. */
export type RegistryResource =
  | { readonly type: 'api' }
  | { readonly type: 'catalog' }
  | { readonly type: 'manifest'; readonly name: string; readonly reference: string }
  | { readonly type: 'blob'; readonly name: string; readonly reference: string }
  | { readonly type: 'referrers'; readonly name: string; readonly reference: string }
  | { readonly type: 'tags'; readonly name: string };

const TYPES = { manifests: 'manifest', blobs: 'blob', referrers: 'referrers' } as const;

/**
 * Reads a decoded path from the right, because a name may have components called manifests, blobs or tags. Undefined for
 * a path outside the API.
 */
export function parseResource(path: string): RegistryResource | undefined {
  if (path === '/v2' || path === '/v2/') return { type: 'api' };
  if (path === '/v2/_catalog') return { type: 'catalog' };
  const segments = path.split('/').slice(2);
  const reference = segments.pop() ?? '';
  const word = segments.pop() ?? '';
  const name = segments.join('/');
  if (name === '' || reference === '') return undefined;
  if (word === 'tags') return reference === 'list' ? { type: 'tags', name } : undefined;
  return word === 'manifests' || word === 'blobs' || word === 'referrers' ? { type: TYPES[word], name, reference } : undefined;
}

const COMPONENT = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
/** Name grammar of the distribution specification, with an original registry (host and port) allowed in front. */
const NAME = new RegExp(`^(?:[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]{1,5})?/)?${COMPONENT}(?:/${COMPONENT})*$`);
const NAME_LIMIT = 512;

export function isRepositoryName(name: string): boolean {
  return name.length <= NAME_LIMIT && NAME.test(name);
}

/**
 * How the reference of a manifest, blob or referrers URL reads: `digest` well-formed (of any algorithm), `malformed`
 * when it is meant as a digest and is none, `tag` otherwise. A tag is any text: an unknown one is absent, not wrong.
 */
export function referenceKind(reference: string): 'digest' | 'malformed' | 'tag' {
  if (!reference.includes(':')) return 'tag';
  if (reference.startsWith('sha256:')) return /^sha256:[0-9a-f]{64}$/.test(reference) ? 'digest' : 'malformed';
  if (reference.startsWith('sha512:')) return /^sha512:[0-9a-f]{128}$/.test(reference) ? 'digest' : 'malformed';
  return /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[A-Za-z0-9=_-]+$/.test(reference) ? 'digest' : 'malformed';
}
