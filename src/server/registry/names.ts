import type { ImageCatalog } from '../../oci/index.ts';

const DOCKER_HUB = 'docker.io';
const HUB_NAMES: ReadonlySet<string> = new Set([DOCKER_HUB, 'index.docker.io', 'registry-1.docker.io']);

/** Finds the full repository name that a URL means; undefined when there is none, or when several are meant alike. */
export type ResolveName = (name: string, namespace: string | undefined) => string | undefined;

/**
 * The three ways to name the original registry: the `ns` parameter of containerd's mirrors, which is taken at its word;
 * the registry in front of the name; and the bare name, which means docker.io's first and else its only owner.
 */
export function nameResolver(catalog: ImageCatalog): ResolveName {
  const known = new Set(catalog.repositories());
  const owners = ownersByBareName(known);

  function within(registry: string, name: string): string | undefined {
    if (!HUB_NAMES.has(registry)) return present(`${registry}/${name}`);
    return present(`${DOCKER_HUB}/${name}`) ?? (name.includes('/') ? undefined : present(`${DOCKER_HUB}/library/${name}`));
  }

  function present(name: string): string | undefined {
    return known.has(name) ? name : undefined;
  }

  return (name, namespace) => {
    if (namespace !== undefined) return within(namespace, name);
    const slash = name.indexOf('/');
    const prefixed = slash === -1 ? undefined : within(name.slice(0, slash), name.slice(slash + 1));
    const owned = owners.get(name);
    return prefixed ?? within(DOCKER_HUB, name) ?? (owned?.length === 1 ? owned[0] : undefined);
  };
}

function ownersByBareName(repositories: ReadonlySet<string>): ReadonlyMap<string, readonly string[]> {
  const owners = new Map<string, string[]>();
  for (const repository of repositories) {
    const bare = repository.slice(repository.indexOf('/') + 1);
    owners.set(bare, [...(owners.get(bare) ?? []), repository]);
  }
  return owners;
}
