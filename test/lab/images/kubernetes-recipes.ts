import type { ImageRecipe } from './recipes.ts';

/** Images of one program that the lab builds, for the platform kubernetes, without anything else in them. */
function bare(reference: string, programs: NonNullable<ImageRecipe['programs']>, more: Partial<ImageRecipe> = {}): ImageRecipe {
  const folder = `kubernetes-${reference.replace(/^.*\//, '').replace(/:.*$/, '')}`;
  return { reference, folder, bare: true, packages: [], programs, ports: [], ...more };
}

function kubernetesImage(name: string): ImageRecipe {
  return bare(`${name}:v1.36.3`, { [`/usr/local/bin/${name}`]: 'kubernetes' });
}

/** What a person who runs applications would have in a bundle, beside the images of the platform: a shell and small tools. */
export const WEB_IMAGE = 'library/web:1';

/** The images of the platform kubernetes, as its images.txt names them, without the names of their registries. */
export const KUBERNETES_RECIPES: readonly ImageRecipe[] = [
  kubernetesImage('kube-apiserver'),
  kubernetesImage('kube-controller-manager'),
  kubernetesImage('kube-scheduler'),
  kubernetesImage('kube-proxy'),
  bare('etcd:3.6.8-0', { '/usr/local/bin/etcd': 'etcd', '/usr/local/bin/etcdctl': 'etcdctl' }),
  bare(
    'rancher/rke2-runtime:v1.36.3-rke2r1',
    { '/bin/hyperkube': 'kubernetes', '/bin/containerd': 'containerd', '/bin/containerd-shim-runc-v2': 'containerd-shim' },
    { links: { '/bin/kubelet': 'hyperkube', '/bin/kubectl': '/bin/hyperkube' } },
  ),
  bare('flannel-io/flannel:v0.28.10', { '/opt/bin/flanneld': 'flanneld' }),
  bare('flannel-io/flannel-cni-plugin:v1.9.1-flannel1', { '/flannel': 'cni-flannel' }),
  bare('pause:3.10.2', { '/pause': 'pause' }, { entrypoint: ['/pause'] }),
  bare('coredns/coredns:v1.14.2', { '/coredns': 'coredns' }, { entrypoint: ['/coredns'] }),
  { reference: WEB_IMAGE, folder: 'kubernetes-web', packages: [], ports: [] },
];
