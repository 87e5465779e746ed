import { describe, expect, it } from 'vitest';
import { platformSchema } from '../../src/manifests/platform.ts';

function problemsOf(name: string): readonly string[] {
  const platform = {
    apiVersion: 'caisson/v1',
    kind: 'Platform',
    name: 'p',
    version: '1',
    definitionsDirectory: '/etc/p',
    authorities: [{ name, summary: 'Signs' }],
  };
  return platformSchema.safeParse(platform).error?.issues.map(({ message }) => message) ?? [];
}

describe('the authorities of a platform', () => {
  it.each(['site', 'ca', 'pairs'])('do not take the place of what every site keeps: %s', (name) => {
    expect(problemsOf(name)).toEqual([expect.stringContaining('that every site has; choose another')]);
  });

  it('have any other name', () => {
    expect(problemsOf('etcd')).toEqual([]);
  });
});
