import { describe } from 'vitest';
import { kubernetes, useKubernetesSide } from '../cluster/kubernetes.ts';
import { KUBERNETES_PROGRAMS } from '../programs/build.ts';
import { areStatic } from '../programs/static.ts';

const side = useKubernetesSide();

describe('programs of Kubernetes', () => {
  areStatic(KUBERNETES_PROGRAMS);
});

describe('Kubernetes on one host', () => {
  kubernetes(side, [{ name: 'm1', roles: ['control-plane', 'worker'] }]);
});

describe('Kubernetes with a control plane and a worker', () => {
  kubernetes(side, [
    { name: 'm1', roles: ['control-plane', 'worker'] },
    { name: 'w1', roles: ['worker'] },
  ]);
});

describe('Kubernetes with three control planes', () => {
  kubernetes(side, [
    { name: 'm1', roles: ['control-plane'] },
    { name: 'm2', roles: ['control-plane'] },
    { name: 'm3', roles: ['control-plane', 'worker'] },
    { name: 'w1', roles: ['worker'] },
  ]);
});
