import { posix } from 'node:path';
import { seedLayout } from '../site/index.ts';

const LAYOUT = seedLayout();
const NAME = '[^./][^/]*';
const DEPOT_FILES = ['repository.key', 'repository.asc', 'tls.crt', 'tls.key'];
const OPERATOR_FILES = ['ca.crt', 'operator.crt', 'operator.key'];

const PATHS: ReadonlySet<string> = new Set([
  LAYOUT.record,
  LAYOUT.journal,
  ...DEPOT_FILES.map((name) => posix.join(LAYOUT.depot, name)),
  ...OPERATOR_FILES.map((name) => posix.join(LAYOUT.pki, name)),
]);

const TREES: readonly RegExp[] = [
  new RegExp(`^${LAYOUT.authorities}/${NAME}\\.(?:crt|key)$`),
  new RegExp(`^${LAYOUT.secrets}/[^./]+$`),
  new RegExp(`^${LAYOUT.certificates}/(?:${NAME}/){0,2}${NAME}\\.(?:crt|key|pub)$`),
];

/** True for an absolute path of the files that a seed alone has and that a backup may name as files of the site. */
export function isSiteMember(path: string): boolean {
  return PATHS.has(path) || TREES.some((tree) => tree.test(path));
}
