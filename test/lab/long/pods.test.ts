import { describe } from 'vitest';
import { pods } from '../cluster/pods.ts';
import { useSide } from '../cluster/site.ts';

const side = useSide();

describe.each(['host-gw', 'vxlan'] as const)('Kubernetes with flannel over %s', (backend) => {
  pods(side, backend);
});
