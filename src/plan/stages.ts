import { OWNERS, type ResourceKindName } from '../resources/index.ts';
import { BACKUP_TIMER, RENEWAL_TIMER } from '../site/index.ts';
import type { Making } from './change.ts';

/** Stages of an owner, in their order. All resources of one stage are made in one step. */
export const STAGES = ['bundle', 'configure', 'source', 'packages', 'mounts', 'executable', 'images', 'artifacts', 'start'] as const;
export type Stage = (typeof STAGES)[number];

const STAGE_OF: Readonly<Record<ResourceKindName, Stage>> = {
  bundle: 'bundle',
  user: 'configure',
  directory: 'configure',
  module: 'configure',
  sysctl: 'configure',
  route: 'configure',
  mount: 'mounts',
  block: 'configure',
  'login-key': 'configure',
  file: 'configure',
  keypair: 'configure',
  certificate: 'configure',
  'package-source': 'source',
  package: 'packages',
  executable: 'executable',
  link: 'executable',
  image: 'images',
  artifact: 'artifacts',
  unit: 'start',
  definition: 'start',
};

export function stageOf({ resource }: Making): Stage {
  return STAGE_OF[resource.kind];
}

interface StageWords {
  readonly phase: string;
  readonly summary: string;
}

/** Phase and summary of the step for one stage of an owner. */
export function describeStage(stage: Stage, owner: string, makings: readonly Making[]): StageWords {
  const keys = makings.map(({ resource }) => resource.key).join(', ');
  const isChange = makings.some(({ action, isReload }) => action === 'change' && isReload !== true);
  const isReload = makings.length > 0 && makings.every((making) => making.isReload === true);
  if (owner === OWNERS.seed) return describeSeedStage(stage, keys);
  if (owner === OWNERS.login) return { phase: 'prepare-hosts', summary: `let the seed log in by the key of the site, as ${keys}` };
  if (owner === OWNERS.host) return describeHostStage(stage, keys);
  const words: Readonly<Record<Stage, StageWords>> = {
    bundle: { phase: 'stage-bundle', summary: `copy ${keys}` },
    configure: { phase: 'configure-components', summary: `configure ${owner}` },
    source: { phase: 'prepare-hosts', summary: `take metadata of packages for ${owner}` },
    packages: { phase: 'install-packages', summary: `install packages for ${owner}: ${keys}` },
    mounts: { phase: 'configure-components', summary: `mount ${keys} for ${owner}` },
    executable: { phase: 'configure-components', summary: `place ${keys}` },
    images: { phase: 'pull-images', summary: `pull ${keys}` },
    artifacts: { phase: 'configure-components', summary: `place ${keys}` },
    start: { phase: 'start-components', summary: `${isReload ? 'reload' : isChange ? 'restart' : 'start'} ${owner}` },
  };
  return words[stage];
}

/** Words for a step that starts timers of the seed and nothing else, by the keys of its resources. */
const TIMERS: ReadonlyMap<string, string> = new Map([
  [BACKUP_TIMER, 'start the timer of backups'],
  [RENEWAL_TIMER, 'start the timer of renewals'],
  [`${BACKUP_TIMER}, ${RENEWAL_TIMER}`, 'start the timers of backups and renewals'],
]);

function describeSeedStage(stage: Stage, keys: string): StageWords {
  switch (stage) {
    case 'bundle':
      return { phase: 'stage-bundle', summary: 'copy and verify the bundle' };
    case 'executable':
      return { phase: 'stage-bundle', summary: 'place the program of the bundle' };
    case 'start':
      return { phase: 'start-depot', summary: TIMERS.get(keys) ?? 'serve the bundle' };
    default:
      return { phase: 'start-depot', summary: 'make the certificate authority and the keys of this site' };
  }
}

function describeHostStage(stage: Stage, keys: string): StageWords {
  switch (stage) {
    case 'bundle':
      return { phase: 'copy-bundle', summary: 'fetch a copy of the bundle from the depot, and verify it' };
    case 'source':
      return { phase: 'prepare-hosts', summary: 'take the metadata of the packages that the depot serves' };
    case 'packages':
      return { phase: 'prepare-hosts', summary: `install packages of its roles: ${keys}` };
    case 'executable':
      return { phase: 'prepare-hosts', summary: 'fetch the program from the depot' };
    case 'start':
      return { phase: 'prepare-hosts', summary: 'run the agent' };
    default:
      return { phase: 'prepare-hosts', summary: 'write names of the cluster, trust and settings of the site' };
  }
}
