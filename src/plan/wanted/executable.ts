import type { BundleMember } from '../../bundle/index.ts';
import { CaissonError, parsePlatform } from '../../core/index.ts';
import { OWNERS, type ResourceOf } from '../../resources/index.ts';
import { EXECUTABLE, executablePath } from '../../site/index.ts';
import { depotUrl, type Declared } from '../declared.ts';

/** The member that is the executable for hosts of a CPU, in Go's words (amd64). Throws HOSTS_UNFIT when there is none. */
function executableMember({ supply }: Pick<Declared, 'supply'>, architecture: string): BundleMember {
  const path = executablePath(architecture);
  const entry = supply.bundle.entry(path);
  if (entry !== undefined) return entry;
  const platforms = supply.bundle.manifest.platforms.map((platform) => parsePlatform(platform).architecture);
  throw new CaissonError(
    'HOSTS_UNFIT',
    `Cannot install on ${architecture} hosts: the bundle has no "${path}", it is for ${platforms.join(', ')}`,
    { hint: `Build a bundle with --platform linux/${architecture}` },
  );
}

/** Our program on a host: the seed has it from the bundle, all others fetch it from the depot. */
export function executableResource(declared: Declared, host: string, from: 'bundle' | 'depot'): ResourceOf<'executable'> {
  const { supply, observed } = declared;
  const member = executableMember(declared, observed.architectures.get(host) ?? 'amd64');
  return {
    host,
    owner: from === 'bundle' ? OWNERS.seed : OWNERS.host,
    kind: 'executable',
    key: EXECUTABLE,
    digest: member.digest,
    spec: {
      digest: member.digest,
      url: from === 'depot' ? `${depotUrl(supply.depot)}/files/${member.path}` : undefined,
      open: () => supply.bundle.open(member.path),
    },
  };
}
