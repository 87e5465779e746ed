import { expect, it } from 'vitest';
import { standing } from '../../src/usecases/apply/standing.ts';

it('knows no component that left its host, and no host that left its component', () => {
  const node = (name: string) => ({ name, address: '10.0.0.11', roles: [] });
  const hostsOf = (component: string) => (component === 'ring' ? [node('n2'), node('n1')] : []);
  expect(standing({ ring: ['n1', 'n3'], store: ['n1'] }, { hostsOf })).toEqual({ ring: ['n1'] });
});
