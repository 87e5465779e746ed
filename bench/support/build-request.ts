import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Everything that a build needs besides images: the arguments of `build-bundle` up to --output. */
export interface BuildRequest {
  readonly arguments: readonly string[];
}

/** The registry that images.txt names; a --mirror stands in for it. */
const REGISTRY = 'registry.example';

/**
 * Writes what a user would, with no OS packages and a small file in place of the executable, so that the figures of a
 * build are those of its images.
 */
export function writeBuildRequest(directory: string, host: string, names: readonly string[]): BuildRequest {
  const manifests = join(directory, 'manifests');
  mkdirSync(manifests, { recursive: true });
  writeFileSync(
    join(manifests, 'platform.yaml'),
    'apiVersion: caisson/v1\nkind: Platform\nname: bench\nversion: "1"\ndefinitionsDirectory: /opt/bench/conf\notherImages: ["*"]\n',
  );
  writeFileSync(join(directory, 'images.txt'), names.map((name) => `${REGISTRY}/${name}\n`).join(''));
  writeFileSync(join(directory, 'executable'), 'stands for the executable\n');
  return {
    arguments: [
      'build-bundle',
      `--manifests=${manifests}`,
      `--images=${join(directory, 'images.txt')}`,
      `--executable=${join(directory, 'executable')}`,
      `--lock=${join(directory, 'bundle.lock.json')}`,
      `--mirror=${REGISTRY}=http://${host}`,
    ],
  };
}
