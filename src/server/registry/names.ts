import { nameAsPath, type ImageCatalog } from '../../oci/index.ts';

const DOCKER_HUB = 'docker.io';
const HUB_NAMES: ReadonlySet<string> = new Set([DOCKER_HUB, 'index.docker.io', 'registry-1.docker.io']);

/** Finds the full repository name that a URL means; undefined when there is none, or when several are meant alike. */
export type ResolveName = (name: string, namespace: string | undefined) => string | undefined;

/**
 * The three ways to name the original registry: the `ns` parameter of containerd's mirrors, which is taken at its word;
 * the registry in front of the name, with its port behind a colon or, as clients must write it, a dash; and the bare name,
 * which means docker.io's first and else its only owner.
 */
export function nameResolver(catalog: ImageCatalog): ResolveName {
  const known = new Set(catalog.repositories());
  const owners = ownersBy(known, bareName);
  const spelled = ownersBy(known, nameAsPath);

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
    return prefixed ?? only(spelled.get(name)) ?? within(DOCKER_HUB, name) ?? only(owners.get(name));
  };
}

function bareName(repository: string): string {
  return repository.slice(repository.indexOf('/') + 1);
}

function ownersBy(repositories: ReadonlySet<string>, spell: (repository: string) => string): ReadonlyMap<string, readonly string[]> {
  const owners = new Map<string, string[]>();
  for (const repository of repositories) {
    const key = spell(repository);
    owners.set(key, [...(owners.get(key) ?? []), repository]);
  }
  return owners;
}

function only(repositories: readonly string[] | undefined): string | undefined {
  return repositories?.length === 1 ? repositories[0] : undefined;
}
