import { depotTlsPaths, operatorPaths, repositoryKeyPaths, seedLayout } from '../site/index.ts';

const LAYOUT = seedLayout();
const NAME = '[^./][^/]*';

const PATHS: ReadonlySet<string> = new Set([
  LAYOUT.record,
  LAYOUT.journal,
  ...Object.values(repositoryKeyPaths(LAYOUT)),
  ...Object.values(depotTlsPaths(LAYOUT)),
  ...Object.values(operatorPaths(LAYOUT)),
]);

const TREES: readonly RegExp[] = [
  new RegExp(`^${LAYOUT.authorities}/${NAME}\\.(?:crt|key|json)$`),
  new RegExp(`^${LAYOUT.secrets}/[^./]+(?:\\.change)?$`),
  new RegExp(`^${LAYOUT.certificates}/(?:${NAME}/){0,2}${NAME}\\.(?:crt|key|pub)$`),
];

/** True for an absolute path of the files that a seed alone has and that a backup may name as files of the site. */
export function isSiteMember(path: string): boolean {
  return PATHS.has(path) || TREES.some((tree) => tree.test(path));
}
