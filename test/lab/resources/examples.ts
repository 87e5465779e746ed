import type { Specs } from '../../../src/resources/index.ts';
import type { LabExample } from './lab-kinds.ts';

const UNITS = '/etc/systemd/system';

function removeUnits(...names: readonly string[]): string {
  const words = names.map((name) => `'${name}'`).join(' ');
  return `for unit in ${words}; do systemctl disable --now --quiet "$unit" 2>/dev/null; rm -f "${UNITS}/$unit"; done
systemctl daemon-reload
for unit in ${words}; do systemctl reset-failed "$unit" 2>/dev/null; done`;
}

function writeUnit(name: string, ...lines: readonly string[]): string {
  return `printf '%s\\n' ${lines.map((line) => `'${line}'`).join(' ')} > '${UNITS}/${name}'
systemctl daemon-reload`;
}

const WANTED_BY = ['[Install]', 'WantedBy=multi-user.target'];
const OTHERS = 'others.service';
const RUN_OTHERS = `${writeUnit(OTHERS, '[Service]', 'ExecStart=/bin/sleep infinity', ...WANTED_BY)}
systemctl enable --now --quiet ${OTHERS}`;

const MOUNT_UNIT = 'srv-lab\\x2ddata.mount';
const OTHER_MOUNT = ['[Mount]', 'What=tmpfs', 'Where=/srv/lab-data', 'Type=tmpfs', 'Options=size=2m', ...WANTED_BY];
const mount = {
  wanted: { key: '/srv/lab-data', spec: { what: 'tmpfs', type: 'tmpfs', options: 'size=1m,mode=0750' } },
  reset: `${removeUnits(MOUNT_UNIT, 'srv-others.mount')}
while umount /srv/lab-data 2>/dev/null; do :; done; umount /srv/others 2>/dev/null
mkdir -p /srv/lab-data /srv/others`,
  neighbour: `${writeUnit('srv-others.mount', '[Mount]', 'What=tmpfs', 'Where=/srv/others', 'Type=tmpfs', ...WANTED_BY)}
systemctl enable --now --quiet srv-others.mount`,
  units: [MOUNT_UNIT, 'srv-others.mount'],
  state: "findmnt --raw --noheadings --output TARGET,FSTYPE,OPTIONS | grep ' */srv/' || grep ' /srv/' /proc/mounts || true",
};

/** Gives the host a second network, of which nobody else has an address. */
export const ADD_NETWORK = 'ip address add 192.0.2.1/24 dev eth0';
const VIA = '192.0.2.201';
const OTHER_VIA = '192.0.2.202';

const ROUTE = '10.201.0.0/16';
const route = {
  wanted: { key: ROUTE, spec: { via: VIA } },
  reset: `${removeUnits(OTHERS)}
for path in ${UNITS}/caisson-route-*; do [ ! -e "$path" ] || systemctl disable --now --quiet "\${path##*/}" 2>/dev/null; rm -f "$path"; done
systemctl daemon-reload; systemctl reset-failed 'caisson-route-*' 2>/dev/null
while ip route del ${ROUTE} 2>/dev/null; do :; done
while ip route del 10.202.0.0/16 2>/dev/null; do :; done; true`,
  neighbour: `ip route add 10.202.0.0/16 via ${OTHER_VIA}\n${RUN_OTHERS}`,
  units: [OTHERS],
  state: "ip route; systemctl list-units --all --plain --no-legend 'caisson-route-*' | awk '{ print $1, $3, $4 }'",
};

const PORTS = 'net.ipv4.ip_local_port_range';
const UNIT = 'lab-unit.service';
const UNIT_FILES = `printf 'first\\n' > /etc/lab-unit.conf
${writeUnit(UNIT, '[Service]', 'ExecStart=/bin/sleep infinity', ...WANTED_BY)}`;
const unit = {
  wanted: { key: UNIT, spec: { restartOn: [`${UNITS}/${UNIT}`, '/etc/lab-unit.conf'], reloadOn: [] } },
  initially: 'different',
  reset: `${removeUnits(UNIT, OTHERS)}\n${UNIT_FILES}`,
  neighbour: RUN_OTHERS,
  units: [UNIT, OTHERS],
} as const;

const user = {
  reset: 'for name in lab-store lab-others; do userdel "$name" 2>/dev/null; groupdel "$name" 2>/dev/null; done; true',
  neighbour: 'useradd --system --user-group lab-others',
  state: 'cat /etc/passwd /etc/group /etc/shadow /etc/gshadow',
};

/**
 * A repository of small packages in a directory of the host, and the apt configuration at the place of the product's, which leads to
 * nothing else. lab-tool needs lab-library. Its older version is longer: apt uses its cache again where the status of dpkg was written within
 * the same second and has the same size.
 */
export const MAKE_REPOSITORY = `set -e
rm -rf /srv/repository /srv/build; mkdir -p /srv/repository /etc/caisson/apt /var/lib/lab-lists/partial
make() { # NAME VERSION DEPENDS
  mkdir -p /srv/build/DEBIAN /srv/build/opt
  printf '%s %s\\n' "$1" "$2" > "/srv/build/opt/$1"
  printf 'Package: %s\\nVersion: %s\\nArchitecture: all\\nMaintainer: Lab <lab@example.com>\\nDescription: of the lab\\n%s' "$1" "$2" "\${3:+Depends: $3
}" > /srv/build/DEBIAN/control
  dpkg-deb --root-owner-group --build /srv/build "/srv/repository/$1_$2.deb" > /dev/null
  rm -r /srv/build
}
make lab-tool 1.0.1 lab-library; make lab-tool 2.0 lab-library; make lab-library 1.0 ''; make lab-others 1.0 ''; make lab-needless 1.0 ''
cd /srv/repository
for file in *.deb; do
  case $file in lab-tool_1.0.1.deb) continue ;; esac
  dpkg-deb --field "$file"
  printf 'Filename: ./%s\\nSize: %s\\nSHA256: %s\\n\\n' "$file" "$(stat -c %s "$file")" "$(sha256sum "$file" | cut -d ' ' -f 1)"
done > Packages
echo 'deb [trusted=yes] file:/srv/repository ./' > /etc/caisson/apt/sources.list
cat > /etc/caisson/apt/apt.conf <<'END'
Dir::Etc::sourcelist "/etc/caisson/apt/sources.list";
Dir::Etc::sourceparts "-";
Dir::State::lists "/var/lib/lab-lists";
END
APT_CONFIG=/etc/caisson/apt/apt.conf apt-get -qq update`;

/** Makes settings of the network writable on the host: they are its own, as its network is, and no other setting is. */
export const OPEN_NETWORK_SETTINGS = 'mount --bind /proc/sys/net /proc/sys/net && mount -o remount,bind,rw /proc/sys/net';

/** Examples of the kinds that need a real host. */
export const LAB_EXAMPLES: {
  readonly [K in 'mount' | 'route' | 'sysctl' | 'module' | 'unit' | 'user' | 'package']: readonly LabExample<Specs[K]>[];
} = {
  mount: [
    { ...mount, what: 'unmounted by hand', change: 'umount /srv/lab-data' },
    {
      ...mount,
      what: 'mounted otherwise by an older unit',
      change: `systemctl stop '${MOUNT_UNIT}'\n${writeUnit(MOUNT_UNIT, ...OTHER_MOUNT)}\nsystemctl start '${MOUNT_UNIT}'`,
    },
  ],
  route: [
    { ...route, what: 'deleted by hand', change: `ip route del ${ROUTE}` },
    { ...route, what: 'led elsewhere by hand', change: `ip route replace ${ROUTE} via ${OTHER_VIA}` },
    {
      ...route,
      what: 'led elsewhere by an older unit',
      change: `sed -i 's/${VIA}/${OTHER_VIA}/g' ${UNITS}/caisson-route-*.service; systemctl daemon-reload; systemctl restart 'caisson-route-*'
ip route show ${ROUTE} | grep -q ${OTHER_VIA}`,
    },
  ],
  sysctl: [
    {
      what: 'a setting of the network',
      wanted: { key: PORTS, spec: { value: '32000 61000' } },
      reset: `rm -f /etc/sysctl.d/*caisson* /etc/sysctl.d/10-others.conf; echo '32768 60999' > /proc/sys/net/ipv4/ip_local_port_range
echo 64 > /proc/sys/net/ipv4/ip_default_ttl`,
      change: "echo '1024 65000' > /proc/sys/net/ipv4/ip_local_port_range",
      neighbour: "echo 'net.ipv4.ip_default_ttl = 63' > /etc/sysctl.d/10-others.conf; echo 63 > /proc/sys/net/ipv4/ip_default_ttl",
      foreign: "echo '32000 61000' > /proc/sys/net/ipv4/ip_local_port_range",
      state: 'cat /proc/sys/net/ipv4/ip_local_port_range /proc/sys/net/ipv4/ip_default_ttl',
    },
  ],
  module: [
    {
      what: 'part of the kernel, on a host without modules',
      wanted: { key: 'overlay', spec: {} },
      initially: 'different',
      reset: 'rm -f /etc/modules-load.d/caisson-* /etc/modules-load.d/others.conf; [ -d /sys/module/overlay ]',
      change: 'rm /etc/modules-load.d/caisson-overlay.conf',
      neighbour: 'echo loop > /etc/modules-load.d/others.conf',
      state: 'ls -d /sys/module/overlay',
    },
  ],
  unit: [
    { ...unit, what: 'stopped by hand', change: `systemctl stop ${UNIT}` },
    { ...unit, what: 'running with an older file', change: 'sleep 0.05; touch /etc/lab-unit.conf' },
    { ...unit, what: 'taken from the boot', change: `systemctl disable --quiet ${UNIT}` },
  ],
  user: [
    {
      ...user,
      what: 'with its number',
      wanted: { key: 'lab-store', spec: { id: 790, home: '/opt/store' } },
      change: 'usermod --home /tmp lab-store',
    },
    {
      ...user,
      what: 'with any number',
      wanted: { key: 'lab-store', spec: { home: '/opt/store' } },
      change: 'userdel lab-store',
    },
  ],
  package: [
    {
      what: 'with a dependency, in an older version by hand',
      wanted: { key: 'lab-tool', spec: { version: '2.0' } },
      reset: 'dpkg --purge lab-tool lab-library lab-others lab-needless > /dev/null 2>&1; true',
      change: 'dpkg --install --force-downgrade /srv/repository/lab-tool_1.0.1.deb > /dev/null 2>&1',
      neighbour: `dpkg --install /srv/repository/lab-others_1.0.deb /srv/repository/lab-needless_1.0.deb > /dev/null
apt-mark auto lab-needless > /dev/null`,
      state: `dpkg-query --show --showformat='\${db:Status-Abbrev} \${Package} \${Version}\\n' | grep -v '^un'; apt-mark showauto; head /opt/lab-* 2>/dev/null || true`,
    },
  ],
};

export const OWN_NAME = 'lab.example/contract:1';

/** An image of the depot that the host does not use, under a name of its own; for a host of a cluster, whose engine has `used`. */
export function imageExample(
  wanted: () => { readonly key: string; readonly spec: Specs['image'] },
  used: string,
): LabExample<Specs['image']> {
  return {
    what: 'from the depot',
    wanted,
    folders: [],
    reset: `docker image ls --format '{{.Repository}}:{{.Tag}}' | grep '^lab.example/' | xargs -r docker rmi > /dev/null
docker image ls --digests --format '{{.Repository}}@{{.Digest}}' | grep '^depot[^/]*/.*rbd-gateway@' | xargs -r docker rmi > /dev/null; true`,
    change: `docker tag ${used} ${OWN_NAME}`,
    neighbour: `docker tag ${used} lab.example/others:1`,
    state: "docker image ls --all --no-trunc --digests --format '{{.Repository}} {{.Tag}} {{.Digest}} {{.ID}}' | sort",
  };
}
