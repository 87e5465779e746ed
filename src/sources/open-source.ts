import type { ImageSource } from '../oci/index.ts';
import { RegistrySource, type RegistrySourceOptions } from './registry-source.ts';
import { RoutedSource } from './routed-source.ts';

export interface ImageSourceOptions extends RegistrySourceOptions {
  /** The directory of images.txt: paths of archives and layouts are relative to it. */
  readonly directory: string;
}

/** Opens the source of everything that images.txt can name; the caller closes it. */
export function openImageSource(options: ImageSourceOptions): ImageSource {
  const { directory, env = {}, emit = () => {} } = options;
  return new RoutedSource({ registry: new RegistrySource(options), directory, env, emit });
}
