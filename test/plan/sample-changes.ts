import type { Digest } from '../../src/core/index.ts';
import { fixedContent, type Resource, type ResourceKindName, type ResourceOf, type Specs } from '../../src/resources/index.ts';

export interface SampleResource<K extends ResourceKindName> {
  readonly kind: K;
  readonly key: string;
  readonly spec: Specs[K];
  readonly host?: string;
  readonly owner?: string;
  readonly digest?: Digest;
}

/** A resource of the component "web" on the host n1, unless it says otherwise. */
export function sampleResource<K extends ResourceKindName>({
  host = 'n1',
  owner = 'web',
  digest,
  ...rest
}: SampleResource<K>): ResourceOf<K> & Resource {
  return { host, owner, digest, ...rest } as unknown as ResourceOf<K> & Resource;
}

export function sampleFile(path: string, parts: Partial<Pick<SampleResource<'file'>, 'host' | 'owner' | 'digest'>> = {}): Resource {
  return sampleResource({ kind: 'file', key: path, spec: { mode: 0o644, content: fixedContent('') }, ...parts });
}
