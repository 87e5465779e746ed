import type { Digest } from '../../core/index.ts';
import type { Host } from '../../host/index.ts';
import type { ComponentContainer } from '../../manifests/index.ts';
import type { PlacedFile } from '../placed-file.ts';

/** An image that a host should have. */
export interface EngineImage {
  /** Name by which manifests use it. */
  readonly name: string;
  /** Digest of the image's configuration, which is its id on the host. */
  readonly config: Digest;
  /**
   * HOST:PORT/REPOSITORY@DIGEST at the depot. The digest is that of the manifest for the host's platform, not of an
   * index.
   */
  readonly source: string;
}

export interface ImageFile {
  readonly image: string;
  /** Path of a file in the image. */
  readonly member: string;
  /** Path on the host that the file is copied to; a temporary name. */
  readonly target: string;
}

/** How preflight asks a host about its container engine, before any run. */
export interface EngineProbe {
  /** Directory of images and containers, whose file system must have room for them. */
  readonly data: string;
  /** Seconds that the engine has for an answer. A working engine answers at once; a stopped one never does. */
  readonly seconds: number;
  /**
   * Lines of a shell script. They print `container NAME` for each running container, and `engine-frozen` when the engine's
   * unit is active and the engine does not answer in time.
   */
  readonly running: string;
  /** Name of the program in PATH whose package installed the engine. */
  readonly program: string;
  /** The command by which a person lists containers. */
  readonly list: string;
  /** Commands by which a person finds out why the engine does not answer. */
  readonly looks: string;
  /** The command that restarts the engine. */
  readonly restart: string;
}

/** The program that runs containers on a host. */
export interface ContainerEngine {
  readonly probe: EngineProbe;
  /** Name of the engine's unit, without ending. Units of containers start after it. */
  readonly unit: string;
  /** Files that make the engine trust these registries (HOST:PORT) by the certificate of an authority. */
  trust(registries: readonly string[], authority: PlacedFile['content']): readonly PlacedFile[];
  /** Resolves to the ids of those images that the host has, by name; empty when the engine does not run. Runs one command. */
  images(host: Host, names: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
  pull(host: Host, image: EngineImage, signal: AbortSignal): Promise<void>;
  /** Removes images by name. An image that a container uses stays; one that does not exist is skipped. */
  removeImages(host: Host, names: readonly string[], signal: AbortSignal): Promise<void>;
  /** Copies a file out of an image that the host has. */
  copyOut(host: Host, file: ImageFile, signal: AbortSignal): Promise<void>;
  /**
   * Returns the command that runs a container in the foreground until it ends. `files` becomes a label, so that the
   * command changes when files of the component change.
   */
  run(name: string, container: ComponentContainer, files: Digest): readonly string[];
  /** Returns the command that runs a container for an action in the foreground and removes it at its end. */
  runOnce(name: string, container: ComponentContainer): readonly string[];
  stop(name: string, container: ComponentContainer): readonly string[];
  /** Returns the command that removes a container, running or stopped. */
  removeContainer(name: string): readonly string[];
  /** Removes containers by name, running or stopped. One that does not exist is skipped. */
  removeContainers(host: Host, names: readonly string[], signal: AbortSignal): Promise<void>;
  /** Returns the command that sends a signal to a running container, which makes it reload its configuration. */
  signal(name: string, signal: string): readonly string[];
}
