import type { ProgramName } from '../programs/build.ts';

/** One image of the lab: a name the cluster uses, and the Debian packages that play it. CONTRACT.md says what must hold. */
export interface ImageRecipe {
  /** Repository and tag in the upstream registry, as images.txt writes them. */
  readonly reference: string;
  /** Further names of the same image. */
  readonly otherReferences?: readonly string[];
  /** Only `programs`, `copies` and `links` are in the image, without the layer that the others share. */
  readonly bare?: true;
  /** Programs that the lab builds itself: path → program. */
  readonly programs?: Readonly<Record<string, ProgramName>>;
  /** Single files of the packages, for a bare image: path → path in the package. */
  readonly copies?: Readonly<Record<string, string>>;
  /** The folder beside this file whose `root/` is laid over the packages' files. */
  readonly folder: string;
  readonly packages: readonly string[];
  /** Big files of the packages that nothing here runs. */
  readonly remove?: readonly string[];
  /** Paths inside the image that become symbolic links: link → target. */
  readonly links?: Readonly<Record<string, string>>;
  /** Directories that maintainer scripts would have made: path → mode. */
  readonly directories?: Readonly<Record<string, number>>;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly user?: string;
  readonly environment?: readonly string[];
  readonly ports: readonly string[];
  readonly volumes?: readonly string[];
}

/** Shared by every image as its first layer: a C library, a shell and small tools. */
export const BASE_PACKAGES = ['base-files', 'libc6', 'libgcc-s1', 'dash', 'busybox', 'zlib1g', 'libcrypt1'] as const;

/**
 * Packages that the closure names only because maintainer scripts or a web page of no use here need them. Nothing in an image
 * runs maintainer scripts: its files are unpacked.
 */
export const LEFT_OUT: RegExp =
  /^(adduser|debconf|dpkg|tar|passwd|usrmerge|init-system-helpers|lsb-base|sysvinit-utils|perl.*|lib.*-perl|libperl.*|libpam.*|libaudit.*|libsemanage.*|libsepol.*|libcap-ng0|libdb5\.3|libgdbm.*|iproute2|libjs-.*|fonts-.*|javascript-common|mawk|debianutils|coreutils)$/;

const ENTRYPOINT = ['/usr/local/bin/entrypoint'];

/** An image of the platform's own programs: the same stand-in for each, which `COMPONENT` tells what it is. */
function platformImage(component: string, tag: string, more: Pick<ImageRecipe, 'ports'> & Partial<ImageRecipe>): ImageRecipe {
  return {
    reference: `rainbond/${component}:${tag}`,
    folder: component,
    packages: [],
    programs: { '/run/entrypoint.sh': 'rainbond' },
    entrypoint: ['/run/entrypoint.sh'],
    environment: [`COMPONENT=${component}`],
    ...more,
  };
}

const RELEASE = 'v5.1.11-release';

export const IMAGE_RECIPES: readonly ImageRecipe[] = [
  {
    reference: 'rainbond/etcd:v3.2.25',
    folder: 'etcd',
    packages: ['etcd-server', 'etcd-client'],
    links: { '/usr/local/bin/etcd': '/usr/bin/etcd', '/usr/local/bin/etcdctl': '/usr/bin/etcdctl' },
    command: ['/usr/local/bin/etcd'],
    ports: ['2379/tcp', '2380/tcp'],
  },
  {
    reference: 'rainbond/rbd-registry:2.6.2',
    folder: 'rbd-registry',
    packages: ['docker-registry'],
    entrypoint: ['/usr/bin/docker-registry'],
    command: ['serve', '/etc/docker/registry/config.yml'],
    ports: ['5000/tcp'],
    volumes: ['/var/lib/registry'],
  },
  {
    reference: 'rainbond/rbd-db:v5.1.9',
    folder: 'rbd-db',
    // mysqldump is in mariadb-client alone.
    packages: ['mariadb-server-core', 'mariadb-client-core', 'mariadb-client'],
    remove: ['/usr/bin/innochecksum', '/usr/bin/mariadb-upgrade'],
    directories: { '/var/run/mysqld': 0o775, '/data': 0o777 },
    entrypoint: ENTRYPOINT,
    user: '1001:0',
    ports: ['3306/tcp'],
    volumes: ['/data'],
  },
  {
    reference: 'rainbond/rbd-dns:latest',
    folder: 'rbd-dns',
    packages: ['dnsmasq-base'],
    programs: { '/usr/local/bin/coredns': 'coredns' },
    entrypoint: ENTRYPOINT,
    ports: ['53/tcp', '53/udp', '8089/tcp'],
  },
  {
    reference: 'rainbond/rbd-monitor:v5.1.11-release',
    folder: 'rbd-monitor',
    packages: ['prometheus'],
    remove: ['/usr/bin/promtool'],
    directories: { '/prometheusdata': 0o755 },
    entrypoint: ENTRYPOINT,
    ports: ['3329/tcp', '9999/tcp'],
    volumes: ['/prometheusdata'],
  },
  {
    reference: 'rainbond/rbd-gateway:v5.1.11-release',
    folder: 'rbd-gateway',
    // The second gives it streams, for the API server behind 6443.
    packages: ['nginx', 'libnginx-mod-stream'],
    directories: { '/var/log/nginx': 0o755, '/var/lib/nginx': 0o755, '/run/nginx': 0o755 },
    entrypoint: ENTRYPOINT,
    ports: ['80/tcp', '443/tcp', '6443/tcp', '10254/tcp', '18080/tcp'],
  },
  {
    reference: 'rainbond/cni:k8s',
    otherReferences: ['rainbond/kube-apiserver:v1.10.13', 'rainbond/kube-controller-manager:v1.10.13', 'rainbond/kube-scheduler:v1.10.13'],
    folder: 'kubernetes',
    bare: true,
    packages: ['containernetworking-plugins'],
    programs: { '/bin/hyperkube': 'hyperkube', '/bin/flanneld': 'flanneld', '/cni/bin/flannel': 'cni-flannel' },
    copies: {
      '/cni/bin/bridge': '/usr/lib/cni/bridge',
      '/cni/bin/host-local': '/usr/lib/cni/host-local',
      '/cni/bin/loopback': '/usr/lib/cni/loopback',
      '/cni/bin/portmap': '/usr/lib/cni/portmap',
    },
    links: {
      '/usr/local/bin/kube-apiserver': '/bin/hyperkube',
      '/usr/local/bin/kube-controller-manager': '/bin/hyperkube',
      '/usr/local/bin/kube-scheduler': '/bin/hyperkube',
    },
    ports: [],
  },
  {
    reference: 'rainbond/pause-amd64:3.0',
    // What the platform starts in builds and in pods of applications, and the lab does not.
    otherReferences: ['builder', 'runner', 'adapter', 'rbd-init-probe', 'tcm', 'mesh_plugin'].map((name) => `rainbond/${name}:latest`),
    folder: 'pause',
    bare: true,
    packages: [],
    programs: { '/pause': 'pause' },
    entrypoint: ['/pause'],
    ports: [],
  },
  {
    reference: 'rainbond/mysqld-exporter:latest',
    folder: 'mysqld-exporter',
    packages: ['prometheus-mysqld-exporter'],
    links: { '/bin/mysqld_exporter': '/usr/bin/prometheus-mysqld-exporter' },
    entrypoint: ['/bin/mysqld_exporter'],
    ports: ['9104/tcp'],
  },
  platformImage('rbd-mq', RELEASE, { ports: ['6300/tcp', '6301/tcp'] }),
  platformImage('rbd-eventlog', RELEASE, { ports: ['6362/tcp', '6363/tcp', '6365/tcp', '6366/tcp', '6166/udp'] }),
  platformImage('rbd-api', RELEASE, { ports: ['6060/tcp', '8443/tcp', '8888/tcp'] }),
  platformImage('rbd-chaos', RELEASE, { ports: ['3228/tcp'] }),
  platformImage('rbd-worker', RELEASE, { ports: ['6369/tcp', '6535/tcp'] }),
  platformImage('rbd-webcli', RELEASE, { ports: ['7171/tcp'] }),
  platformImage('rbd-app-ui', RELEASE, { ports: ['7070/tcp'], links: { '/app/ui/entrypoint.sh': '/run/entrypoint.sh' } }),
  platformImage('rbd-repo', '6.5.9', { ports: ['8081/tcp'], user: '1030' }),
  platformImage('kube-state-metrics', 'latest', { ports: ['9105/tcp', '9981/tcp'] }),
];
