import { compareText } from '../../core/index.ts';
import type { RepositoryFacts, WrittenRepository } from '../format.ts';
import { unitePackages } from '../unite-packages.ts';
import type { RpmLockedSystem } from './documents.ts';
import { keyFileName } from './keys.ts';
import { rpmPackagePath, writeRpmRepository } from './write-repo.ts';

/** The repository of an operating system as it lies in a bundle, under rpm/ID. The keys of its packages lie beside repodata. */
export function writeRpmBundleRepository(systems: readonly RpmLockedSystem[], { id, date }: RepositoryFacts): WrittenRepository {
  const path = `rpm/${id}`;
  const packages = unitePackages(systems).map((record) => ({ record, path: rpmPackagePath(record) }));
  const metadata = new Map([...writeRpmRepository({ date, packages })].map(([name, content]) => [`${path}/${name}`, content]));
  const keys = new Map(systems.flatMap((system) => system.keys).map((key) => [`${path}/keys/${keyFileName(key)}`, Buffer.from(key)]));
  const placed = packages.map((item) => ({ record: item.record, path: `${path}/${item.path}` }));
  return {
    repository: {
      id,
      type: 'rpm',
      path,
      architectures: systems.map(({ architecture }) => architecture).toSorted(compareText),
      keys: [...keys.keys()].toSorted(compareText),
      packages: placed.map(({ record: { name, version, architecture, sets }, path: place }) => {
        return { name, version, architecture, path: place, set: sets };
      }),
    },
    metadata: new Map([...metadata, ...[...keys].toSorted(([a], [b]) => compareText(a, b))]),
    packages: placed,
  };
}
