import type { ImageRecipe } from './recipes.ts';

/** Images of one program that the lab builds, for the platform kubernetes, without anything else in them. */
function bare(reference: string, programs: NonNullable<ImageRecipe['programs']>, more: Partial<ImageRecipe> = {}): ImageRecipe {
  const folder = `kubernetes-${reference.replace(/^.*\//, '').replace(/:.*$/, '')}`;
  return { reference, folder, bare: true, packages: [], programs, ports: [], ...more };
}

/** A release of Kubernetes, and the program of the lab that is all of its parts. */
export interface KubernetesRelease {
  readonly version: string;
  readonly program: 'kubernetes' | 'kubernetes-before';
}

/** The release that the manifests name. */
export const SHIPPED_RELEASE: KubernetesRelease = { version: '1.36.3', program: 'kubernetes' };

/** The minor release before it, from which upgrades start. */
export const RELEASE_BEFORE: KubernetesRelease = { version: '1.35.4', program: 'kubernetes-before' };

/** The images of Kubernetes alone, whose tags are its version. */
function releaseImages({ version, program }: KubernetesRelease): readonly ImageRecipe[] {
  const parts = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy'];
  return [
    ...parts.map((name) => bare(`${name}:v${version}`, { [`/usr/local/bin/${name}`]: program })),
    bare(
      `rancher/rke2-runtime:v${version}-rke2r1`,
      { '/bin/hyperkube': program, '/bin/containerd': 'containerd', '/bin/containerd-shim-runc-v2': 'containerd-shim' },
      { links: { '/bin/kubelet': 'hyperkube', '/bin/kubectl': '/bin/hyperkube' } },
    ),
  ];
}

/** What a person who runs applications would have in a bundle, beside the images of the platform: a shell and small tools. */
export const WEB_IMAGE = 'library/web:1';

/** The images of the platform kubernetes, as its images.txt names them, without the names of their registries. */
export const KUBERNETES_RECIPES: readonly ImageRecipe[] = [
  ...releaseImages(SHIPPED_RELEASE),
  bare('etcd:3.6.8-0', { '/usr/local/bin/etcd': 'etcd', '/usr/local/bin/etcdctl': 'etcdctl', '/usr/local/bin/etcdutl': 'etcdutl' }),
  bare('flannel-io/flannel:v0.28.10', { '/opt/bin/flanneld': 'flanneld' }),
  bare('flannel-io/flannel-cni-plugin:v1.9.1-flannel1', { '/flannel': 'cni-flannel' }),
  bare('pause:3.10.2', { '/pause': 'pause' }, { entrypoint: ['/pause'] }),
  bare('coredns/coredns:v1.14.2', { '/coredns': 'coredns' }, { entrypoint: ['/coredns'] }),
  bare('metrics-server/metrics-server:v0.9.0', { '/metrics-server': 'metrics-server' }, { entrypoint: ['/metrics-server'] }),
  { reference: WEB_IMAGE, folder: 'kubernetes-web', packages: [], ports: [] },
];

/** The images that differ in the release before. */
export const KUBERNETES_RECIPES_BEFORE: readonly ImageRecipe[] = releaseImages(RELEASE_BEFORE);
