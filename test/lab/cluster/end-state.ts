import { containersOf } from './observe.ts';
import { everywhere, type Site } from './site.ts';

/** What an install ends in, on each node, as far as two installs of the same cluster must agree. */
export type EndState = Readonly<Record<string, NodeState>>;

export interface NodeState {
  /** `NAME IMAGE IMAGE-ID` of the running containers. */
  readonly containers: readonly string[];
  /** Kind, mode, owner, path and digest of everything that the install wrote. */
  readonly files: readonly string[];
  /** `STATUS PACKAGE VERSION` of all packages of the host. */
  readonly packages: readonly string[];
}

/**
 * Lists the folders that the install writes in. Keys, certificates and secrets are made for a site, so only their names,
 * modes and owners count; the label that follows from them is masked, as is the subnet of the lab.
 */
const LIST = `
prefix=$1
for folder in /etc/caisson /etc/docker /etc/systemd/system /etc/hosts /opt/rainbond/conf /opt/rainbond/etc /usr/local/bin /var/lib/caisson; do
  [ ! -e "$folder" ] || find "$folder"
done | sort | while IFS= read -r path; do
  case $path in
    *.crt|*.key|*.asc|*/key.json|*/secrets/*|*/root-password|*/client.cnf|*/users.sql|*/haproxy.cfg|*/journal.jsonl|*/caisson/site.json|*/agent/state.json|*/apt/lists/*) content=- ;;
    */bundles/*|*/bin/*) content=$(stat -c %s "$path") ;;
    *) content=-; [ ! -f "$path" ] || content=$(sed -e "s/$prefix/SUBNET./g" -e 's/caisson.files=sha256:[0-9a-f]*/FILES/' "$path" | sha256sum) ;;
  esac
  stat --printf='%F %a %u:%g %N ' "$path"; echo "$content"
done`;

const PACKAGES = "dpkg-query --show --showformat='${db:Status-Abbrev} ${Package} ${Version}\\n'";

export function endStateOf(site: Site): Promise<EndState> {
  return everywhere(site, async (node) => ({
    containers: (await containersOf(site, node)).map(({ name, image, imageId }) => `${name} ${image} ${imageId}`),
    files: (await site.bash(node, LIST, site.address(node).replace(/\d+$/, ''))).split('\n'),
    packages: (await site.bash(node, PACKAGES)).split('\n'),
  }));
}
