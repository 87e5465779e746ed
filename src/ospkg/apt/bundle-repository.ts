import { compareText } from '../../core/index.ts';
import type { RepositoryFacts, WrittenRepository } from '../format.ts';
import { unitePackages } from '../unite-packages.ts';
import type { AptLockedSystem } from './documents.ts';
import { aptPoolPath, COMPONENT, writeAptRepository } from './write-repo.ts';

/** The repository of an operating system as it lies in a bundle, under apt/ID. */
export function writeBundleRepository(systems: readonly AptLockedSystem[], { id, label, date }: RepositoryFacts): WrittenRepository {
  const path = `apt/${id}`;
  const codename = systems[0]?.codename ?? id;
  const architectures = systems.map(({ architecture }) => architecture).toSorted(compareText);
  const packages = unitePackages(systems).map((record) => ({ record, path: aptPoolPath(record) }));
  const metadata = writeAptRepository({ codename, architectures, origin: 'Caisson', label, date, packages });
  const placed = packages.map((item) => ({ record: item.record, path: `${path}/${item.path}` }));
  return {
    repository: {
      id,
      type: 'apt',
      path,
      codename,
      architectures,
      components: [COMPONENT],
      packages: placed.map(({ record: { name, version, architecture, sets }, path: place }) => {
        return { name, version, architecture, path: place, set: sets };
      }),
    },
    metadata: new Map([...metadata].map(([name, content]) => [`${path}/${name}`, content])),
    packages: placed,
  };
}
