import type { BundleMember } from '../../bundle/index.ts';
import { CaissonError, parsePlatform } from '../../core/index.ts';
import { OWNERS, type ResourceOf } from '../../resources/index.ts';
import { EXECUTABLE, executablePath } from '../../site/index.ts';
import { depotUrl, type Declared } from '../declared.ts';

/** Returns the bundle's executable for a CPU architecture (amd64). Throws HOSTS_UNFIT when the bundle has none. */
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

/** The caisson executable of a host. The seed takes it from the bundle, all other hosts from the depot. */
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
