import { describe, expect, it } from 'vitest';
import { messageOf } from '../../src/core/index.ts';
import { loadManifests } from '../../src/manifests/index.ts';
import { cordonActions } from '../support/hard-cases.ts';
import { memoryTree } from '../support/memory-tree.ts';
import { MANIFESTS } from '../support/sample-install.ts';

const PATH = 'components/machine/component.yaml';

/** Message of the error for the sample platform with a component that has these actions and needs; empty when it is accepted. */
async function verdict(actions: string, needs = 'docker', others: Readonly<Record<string, string>> = {}): Promise<string> {
  const text = `apiVersion: caisson/v1
kind: Component
name: machine
summary: Does work
needs: [${needs}]
actions:
${actions}`;
  return loadManifests(memoryTree({ ...MANIFESTS, ...others, [PATH]: text })).then(() => '', messageOf);
}

const drain = (rest: string): string => `  - { name: drain, summary: move its work, at: drain, command: [workctl, drain]${rest} }\n`;
const back = cordonActions('store');

describe('a drain action', () => {
  it('is taken with a way back, for what its component needs on its host', async () => {
    expect(await verdict(`${back}${drain(', before: [docker]')}`)).toBe('');
  });

  it.each([
    ['names what it is for', `${back}${drain('')}`, 'actions[2].before: is missing'],
    ['has a way back', drain(', before: [docker]'), 'actions[0].at: is drain, and no action of the component is uncordon'],
    ['names components that there are', `${back}${drain(', before: [dokcer]')}`, 'there is no component "dokcer" (did you mean "docker"?)'],
    ['is for what its component needs there', `${back}${drain(', before: [store]')}`, '"machine" does not need "store" on its host'],
    [
      'alone names components',
      '  - { name: other, summary: do it, at: leave, command: [workctl], before: [docker] }\n',
      'actions[0].before: is for at: drain alone',
    ],
  ])('%s', async (_, actions, expected) => {
    expect(await verdict(actions)).toContain(expected);
  });

  it('is refused where a component that waits for other hosts stands between', async () => {
    const between = `apiVersion: caisson/v1
kind: Component
name: between
summary: Waits for all
needs: [{ component: docker, hosts: all }]
`;
    expect(
      await verdict(`${back}${drain(', before: [docker]')}`, 'docker, between', { 'components/between/component.yaml': between }),
    ).toContain('"machine" needs "between", which needs one of these on other hosts');
  });
});
