import type { Digest } from '../../core/index.ts';
import type { Host } from '../../host/index.ts';
import type { ComponentContainer } from '../../manifests/index.ts';
import type { PlacedFile } from '../placed-file.ts';

/** An image as a host should have it. */
export interface EngineImage {
  /** Name by which manifests use it. */
  readonly name: string;
  /** Digest of its configuration, which is its id on the host. */
  readonly config: Digest;
  /** HOST:PORT/REPOSITORY@DIGEST at the depot, by the platform's own manifest, so that nothing is left to choose. */
  readonly source: string;
}

export interface ImageFile {
  readonly image: string;
  /** Path of a file in the image. */
  readonly member: string;
  /** Where it goes on the host, under a name that is temporary. */
  readonly target: string;
}

/** The program that runs containers on a host. */
export interface ContainerEngine {
  /** Unit that every container starts after. */
  readonly unit: string;
  /** Files that have it trust a registry by an authority's certificate. */
  trust(registries: readonly string[], authority: PlacedFile['content']): readonly PlacedFile[];
  /** Ids of the images of a list that are there, by name; none where the engine does not run. One command. */
  images(host: Host, names: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
  pull(host: Host, image: EngineImage, signal: AbortSignal): Promise<void>;
  /** Removes images by name that no container uses; one that is not there is no failure. */
  removeImages(host: Host, names: readonly string[], signal: AbortSignal): Promise<void>;
  /** Copies a file out of an image that is there. */
  copyOut(host: Host, file: ImageFile, signal: AbortSignal): Promise<void>;
  /** The command that runs a container in the foreground until it ends. The label changes when files of the component do. */
  run(name: string, container: ComponentContainer, files: Digest): readonly string[];
  /** The command that runs a container once, for an action, and removes it. */
  runOnce(name: string, container: ComponentContainer): readonly string[];
  stop(name: string, container: ComponentContainer): readonly string[];
  /** The command that removes what is left of a container. */
  removeContainer(name: string): readonly string[];
  /** Removes containers by name, running or not; one that is not there is no failure. */
  removeContainers(host: Host, names: readonly string[], signal: AbortSignal): Promise<void>;
  /** The command that has a running container reload its configuration by a signal. */
  signal(name: string, signal: string): readonly string[];
}
