import type { DocumentPath } from '../../io/index.ts';
import type { ComponentManifest } from '../../manifests/index.ts';

/** An image that a component names, and where. */
export interface NamedImage {
  readonly path: DocumentPath;
  /** The full name. */
  readonly name: string;
}

/** Every image that a component names: in containers of services and actions, in artifacts, and in `images`. */
export function componentImages({ services, actions, artifacts, images }: ComponentManifest): readonly NamedImage[] {
  const containers = [
    ...services.map(({ container }, index) => ({ container, path: ['services', index] })),
    ...actions.map(({ container }, index) => ({ container, path: ['actions', index] })),
  ];
  return [
    ...containers.flatMap(({ container, path }): NamedImage[] =>
      container === undefined ? [] : [{ path: [...path, 'container', 'image'], name: container.image }],
    ),
    ...artifacts.flatMap(({ image }, index) => (image === undefined ? [] : [{ path: ['artifacts', index, 'image'], name: image }])),
    ...images.map((name, index) => ({ path: ['images', index], name })),
  ];
}
