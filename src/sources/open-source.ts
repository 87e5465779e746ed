import type { ImageSource } from '../oci/index.ts';
import { RegistrySource, type RegistrySourceOptions } from './registry-source.ts';

/** Which kind of source to open, and what it needs. */
export type ImageSourceSpec = { readonly type: 'registry' } & RegistrySourceOptions;

/** Opens a source of images; the caller closes it. */
export function openImageSource(spec: ImageSourceSpec): ImageSource {
  switch (spec.type) {
    case 'registry':
      return new RegistrySource(spec);
  }
}
