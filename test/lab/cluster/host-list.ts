import { CARRIED } from '../scenario.ts';
import { everywhere, type Site } from './site.ts';

/** Lines about each host before anything was installed. */
export type Untouched = Readonly<Record<string, readonly string[]>>;

/**
 * Lists all of a host that may not differ after a removal, in lines that begin with a word for their kind: type, mode, owner, target
 * and path of everything, the content of settings, units, ports, packages, accounts, processes, containers and images of the engine,
 * links, routes, rules of routes and of the firewall, mounts, kernel modules and settings of the kernel's network, which is the part
 * of /proc/sys that a host of the lab has for itself. "$1" is left out.
 */
const LIST_HOST = `
say() { sed "s|^|$1 |"; }
find / -xdev \\( -path /run -o -path /tmp -o -path /var/tmp -o -path "$1" \\) -prune -o -printf '%y %m %U:%G %l %p\\n' | say path
find /etc /opt /home /root /usr/local -xdev \\( -path /etc/ssl -o -path "$1" \\) -prune -o -type f -print0 |
  xargs -0 sha256sum | say content
systemctl list-unit-files --no-legend --no-pager | say unit
systemctl list-units --all --plain --no-legend --no-pager --type=service,socket,timer,mount | awk '{ print $1, $3 }' | say running
ss --listening --tcp --udp --numeric --no-header | awk '{ print $1, $5 }' | say port
dpkg-query --show --showformat='\${db:Status-Abbrev} \${Package} \${Version}\\n' | say package
getent passwd | say user
getent group | say group
ps -e -o comm= | grep -E 'dockerd|containerd|docker-|runc|caisson|kubelet|flanneld' | say process || true
for engine in /var/lib/docker /var/lib/containerd; do
  for kind in containers image/overlay2/imagedb/content/sha256 overlay2 volumes io.containerd.snapshotter.v1.overlayfs/snapshots; do
    [ ! -d "$engine/$kind" ] || ls -A "$engine/$kind" | say "engine $kind"
  done
done
ip -o link | sed 's/^[0-9]*: //; s/[@:].*//' | say link
for family in -4 -6; do
  ip "$family" route show table all | sed 's/ expires [0-9]*sec//' | say "route $family"
  ip "$family" rule | say "rule $family"
done
for program in iptables ip6tables; do
  for table in filter nat mangle raw security; do
    { "$program" -t "$table" -S 2>/dev/null || true; } | grep -v '^-P [A-Z]* ACCEPT$' | say "firewall $program $table" || true
  done
done
if command -v nft >/dev/null; then nft --stateless list ruleset | grep -vE '^table|^[[:space:]]*(chain|type|})|^$' | say nft || true; fi
awk '{ print $2, $3, $1 }' /proc/mounts | say mount
[ ! -e /proc/modules ] || cut -d ' ' -f 1 /proc/modules | say module`;

const LIST_SETTINGS = `
find /proc/sys/net -type f -readable 2>/dev/null | grep -vE 'count$|/flush$|stable_secret|tcp_fastopen_key|/nf_log/' | while read -r setting; do
  value=$(tr '\\n\\t' '  ' 2>/dev/null < "$setting") && printf '%s %s\\n' "$setting" "$value"
done | say sysctl || true`;

/**
 * All that may differ after a removal, and why. Packages are removed as their package manager does it: what their own scripts made and
 * a purge leaves is theirs, and a package that was there before stays at its newer version. docs/operate.md has the list in words.
 */
const STAYS: readonly (readonly [why: string, lines: RegExp])[] = [
  ['the journal of the seed', /^path .* \/var\/lib\/caisson(\/journal\.jsonl)?$/],
  ['records of the package manager', /^path .* \/var\/(lib\/(dpkg|apt|ucf)|cache\/(apt|debconf|ldconfig|man))(\/|$)/],
  ['logs and what systemd notes', /^path .* \/(var\/(log|lib\/systemd)(\/.*)?|etc\/\.pwd\.lock)$/],
  ['what a purge of docker.io and containerd leaves', /^(path|content) .* \/(var\/lib\/(docker|containerd)|etc\/(docker|cni))(\/|$)/],
  ['the group of docker.io', /^(path|content) .* ?\/etc\/g(roup|shadow)-?$|^group docker:/],
  ['the accounts as they were while the package haproxy had one', /^(path|content) .* \/etc\/(passwd|shadow)-$/],
  [
    'certificates of a newer ca-certificates',
    /^(path|content) .* \/(usr\/share|etc)\/(ca-certificates|ssl)|^path .* \/usr\/share\/(doc|man)(\/|$)/,
  ],
  ['the login of the installer, until systemd ends it', /^(running|mount) .*(user@|user-runtime-dir@|\/run\/user\/|run-user-)/],
  ['credentials that systemd shows to units while they start', /^(running|mount) .*run[/-]credentials/],
  ['a package that was there before, at its newer version', /^package ii +ca-certificates /],
  ['the cache of the linker', /^(path|content) .* \/etc\/ld\.so\.cache$/],
];

/** Without `settings` those of the kernel are left out: to read them takes minutes on a host with one slow processor. */
export async function listHosts(
  site: Pick<Site, 'nodes' | 'bash'>,
  { settings = true }: { readonly settings?: boolean } = {},
): Promise<Untouched> {
  const script = settings ? LIST_HOST + LIST_SETTINGS : LIST_HOST;
  return everywhere(site, async (node) => (await site.bash(node, script, CARRIED)).split('\n'));
}

/** The lines that came, with +, and those that went, with -, other than those that stay by STAYS. */
export function changes(before: readonly string[], after: readonly string[]): readonly string[] {
  const lines = (from: readonly string[], known: ReadonlySet<string>, sign: string): readonly string[] =>
    from.filter((line) => !known.has(line) && !mayStay(line)).map((line) => `${sign} ${line}`);
  return [...lines(after, new Set(before), '+'), ...lines(before, new Set(after), '-')];
}

function mayStay(line: string): boolean {
  return STAYS.some(([, lines]) => lines.test(line));
}
