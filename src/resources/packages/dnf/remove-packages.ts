import { shellScript, type Command, type Host } from '../../../host/index.ts';
import type { PackageToolOptions } from '../package-manager.ts';
import type { RemovalTool } from '../remove-packages.ts';
import { DNF_HERE, ENVIRONMENT, PROTECT, PROTECTED } from './access.ts';
import { installedVersions } from './installed-versions.ts';
import { recoverPackages } from './recover-packages.ts';
import { runRpmTool } from './tool.ts';

/**
 * Parameters: options of the tool and names of packages. The tool has no simulation but a question that is answered with
 * no, after which it fails; its table says that it came so far.
 */
const TRY_SCRIPT = `${DNF_HERE}tried=$(dnf_here --assumeno "$@" 2>&1)
status=$?
printf '%s\\n' "$tried"
case $status,$tried in
  1,*'Transaction Summary'*) exit 0 ;;
  0,*) exit 0 ;;
esac
printf '%s\\n' "$tried" >&2
exit $status
`;

/**
 * Parameters: the file for the configuration that protects packages, names of packages. The tool refuses to remove others than these, which
 * may have come to need one of them meanwhile.
 */
const REMOVE_SCRIPT = `${DNF_HERE}${PROTECT}protected=$1; shift
protect "$protected" "$@" || exit 1
dnf_here --assumeyes remove "$@"
`;

/** The removal of packages by dnf or yum. Configuration files that were changed stay as NAME.rpmsave, as rpm leaves them. */
export function dnfRemoval(host: Host, options: PackageToolOptions): RemovalTool {
  const wouldRemove = async (setting: string, names: readonly string[]): Promise<readonly string[]> => {
    const { stdout } = await runRpmTool(host, script(TRY_SCRIPT, [setting, 'remove', ...names]), options);
    return removedPackages(stdout);
  };
  return {
    present: async (names) => [...(await installedVersions(host, names, options.signal)).keys()],
    recover: () => recoverPackages(host, options),
    wouldRemove: (names) => wouldRemove('--setopt=clean_requirements_on_remove=0', names),
    unneededWithout: async (names) => {
      // Of unneeded packages, dnf takes only those along that these needed.
      const removed = await wouldRemove('--setopt=clean_requirements_on_remove=1', names);
      return removed.filter((name) => !names.includes(name));
    },
    remove: async (names) => {
      await runRpmTool(host, script(REMOVE_SCRIPT, [PROTECTED, ...names]), options);
    },
  };
}

function script(text: string, parameters: readonly string[]): Command {
  return { argv: shellScript(text, parameters), env: ENVIRONMENT };
}

/**
 * Reads the names of removed packages from the table that dnf and yum print before they ask. A long name stands in a
 * line of its own.
 */
export function removedPackages(table: string): readonly string[] {
  const names = new Set<string>();
  let isRemoved = false;
  for (const line of table.split('\n')) {
    if (/^\S/.test(line) || line.trim() === '') isRemoved = /^(?:Removing|Erasing)\b/.test(line);
    const name = /^ (\S+)/.exec(line)?.[1];
    if (isRemoved && name !== undefined) names.add(name);
  }
  return [...names];
}
