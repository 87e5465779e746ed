import { filePath, type BundleImage, type BundleImagePlatform } from '../../bundle/index.ts';
import type { Placement } from '../../cluster/index.ts';
import { CaissonError, parsePlatform, type Digest } from '../../core/index.ts';
import { imagePath } from '../../depot/index.ts';
import type { ComponentManifest } from '../../manifests/index.ts';
import { digestOfAll, type EngineImage, type LayerAddress, type Resource, type ResourceOf } from '../../resources/index.ts';
import { depotAuthority, depotUrl, type Declared } from '../declared.ts';
import type { At } from './make.ts';
import type { Renderer } from './renderer.ts';

/** Names of every image that a component uses: in containers, actions and artifacts, and those that it only asks for. */
function imageNames({ services, actions, artifacts, images }: ComponentManifest): readonly string[] {
  const containers = [...services, ...actions].flatMap(({ container }) => (container === undefined ? [] : [container.image]));
  return [...new Set([...containers, ...artifacts.flatMap(({ image }) => image ?? []), ...images])];
}

export function imageResources(declared: Declared, { component, host }: Placement, at: At): readonly ResourceOf<'image'>[] {
  if (declared.tools.engine === undefined) return [];
  return imageNames(component).map((name) => {
    const image = engineImage(declared, name, host.name);
    return { ...at, kind: 'image', key: name, digest: image.config, spec: image };
  });
}

export function artifactResources(declared: Declared, { component, host }: Placement, at: At, render: Renderer): readonly Resource[] {
  return component.artifacts.map(({ path, mode: octal, owner, image: name, file, member = '' }): Resource => {
    const made = { ...at, kind: 'artifact', key: render(path) } as const;
    const mode = Number.parseInt(octal, 8);
    if (name !== undefined) {
      const image = engineImage(declared, name, host.name);
      const from = { image, member, layers: layersOf(declared, name, host.name) };
      return { ...made, digest: digestOfAll([image.config, member, mode, owner]), spec: { mode, owner, from } };
    }
    const address = fileAddress(declared, file ?? '');
    const from = member === '' ? address : { ...address, member };
    return { ...made, digest: digestOfAll([address.digest, member, mode, owner]), spec: { mode, owner, from } };
  });
}

/** A file of files.txt at the depot. Throws HOSTS_UNFIT when the bundle does not hold it. */
export function fileAddress({ supply }: Pick<Declared, 'supply'>, name: string): LayerAddress {
  const entry = supply.bundle.entry(filePath(name));
  if (entry?.kind === 'file') return { url: `${depotUrl(supply.depot)}/files/${encodedPath(entry.path)}`, digest: entry.digest };
  throw new CaissonError('HOSTS_UNFIT', `Cannot take the file "${name}": the bundle does not hold it`, {
    hint: 'Build a bundle from a files.txt that names every file of the manifests',
  });
}

function encodedPath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

/** Digest over the images of a component and its files of files.txt. It changes only when one of these does. */
export function releaseOf({ supply }: Pick<Declared, 'supply'>, component: ComponentManifest): Digest {
  const images = imageNames(component).map((name) => {
    const image = supply.bundle.manifest.images.find((candidate) => candidate.name === name);
    return `${name} ${image?.platforms.map(({ config }) => config.digest).join(' ') ?? ''}`;
  });
  const names = new Set(component.artifacts.flatMap(({ file }) => file ?? []));
  const files = [...names].map((name) => `file ${name} ${supply.bundle.entry(filePath(name))?.digest ?? ''}`);
  return digestOfAll([...images, ...files].sort());
}

/** Returns an image for the CPU of a host. Throws HOSTS_UNFIT when the bundle does not hold it. */
function engineImage(declared: Declared, name: string, host: string): EngineImage {
  const { image, platform } = imageFor(declared, name, host);
  return {
    name,
    config: platform.config.digest,
    source: `${depotAuthority(declared.supply.depot)}/${imagePath(repositoryOf(image))}@${platform.manifest.digest}`,
  };
}

function layersOf(declared: Declared, name: string, host: string): readonly LayerAddress[] {
  const { image, platform } = imageFor(declared, name, host);
  const blobs = `${depotUrl(declared.supply.depot)}/v2/${imagePath(repositoryOf(image))}/blobs`;
  return platform.layers.map(({ digest }) => ({ url: `${blobs}/${digest}`, digest }));
}

function imageFor(
  { supply, observed }: Declared,
  name: string,
  host: string,
): { readonly image: BundleImage; readonly platform: BundleImagePlatform } {
  const image = supply.bundle.manifest.images.find((candidate) => candidate.name === name);
  const architecture = observed.architectures.get(host);
  const platform = image?.platforms.find((candidate) => parsePlatform(candidate.platform).architecture === architecture);
  if (image !== undefined && platform !== undefined) return { image, platform };
  const reason =
    image === undefined ? 'the bundle does not hold it' : `the bundle does not hold it for ${architecture ?? 'an unknown CPU'}`;
  throw new CaissonError('HOSTS_UNFIT', `Cannot give "${name}" to "${host}": ${reason}`, {
    hint: 'Build a bundle from an images.txt that names every image of the manifests, for the platforms of the hosts that need it',
  });
}

/** The image's name without its tag. */
function repositoryOf(image: BundleImage): string {
  const colon = image.name.lastIndexOf(':');
  return colon > image.name.lastIndexOf('/') ? image.name.slice(0, colon) : image.name;
}
