import type { BundleMember } from '../../bundle/index.ts';
import { CaissonError, parsePlatform } from '../../core/index.ts';
import { digestOfAll, OWNERS, type Resource, type ResourceOf } from '../../resources/index.ts';
import { commandPath, EXECUTABLE, executablePath } from '../../site/index.ts';
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

/**
 * The caisson executable of a host, and the name that the platform gives the command. The seed takes the executable from the
 * bundle, all other hosts from the depot. Wherever the executable is, the name is: what the command can do on a host does not
 * depend on the name by which it is called.
 */
export function executableResources(declared: Declared, host: string, from: 'bundle' | 'depot'): readonly Resource[] {
  const executable = executableResource(declared, host, from);
  const { command } = declared.topology.platform;
  if (command === undefined) return [executable];
  const link: Resource = {
    host,
    owner: executable.owner,
    kind: 'link',
    key: commandPath(command),
    digest: digestOfAll([EXECUTABLE]),
    spec: { target: EXECUTABLE },
  };
  return [executable, link];
}

function executableResource(declared: Declared, host: string, from: 'bundle' | 'depot'): ResourceOf<'executable'> {
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
