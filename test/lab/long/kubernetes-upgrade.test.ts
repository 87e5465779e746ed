import { describe } from 'vitest';
import { useKubernetesSide } from '../cluster/kubernetes.ts';
import { kubernetesUpgrade } from '../cluster/kubernetes-upgrade.ts';
import { RELEASE_BEFORE } from '../images/kubernetes-recipes.ts';

const side = useKubernetesSide(RELEASE_BEFORE);

describe('an upgrade of Kubernetes', () => {
  kubernetesUpgrade(side);
});
