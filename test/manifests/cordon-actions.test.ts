import { describe, expect, it } from 'vitest';
import { messageOf } from '../../src/core/index.ts';
import { loadManifests } from '../../src/manifests/index.ts';
import { memoryTree } from '../support/memory-tree.ts';
import { MANIFESTS } from '../support/sample-install.ts';

/** Message of the error for the sample platform whose store has an action at each of these moments; empty when it is accepted. */
async function verdict(moments: readonly string[]): Promise<string> {
  const path = 'components/store/component.yaml';
  const actions = moments.map(
    (at) => `{ name: ${at}, summary: do it, at: ${at}, on: seed, command: [storectl, "\${node.name}", "\${runner.name}"] }`,
  );
  const text = `${MANIFESTS[path] ?? ''}actions: [${actions.join(', ')}]\n`;
  return loadManifests(memoryTree({ ...MANIFESTS, [path]: text })).then(() => '', messageOf);
}

describe('the actions of a cordon', () => {
  it('are both there or neither is', async () => {
    expect(await verdict(['cordon', 'uncordon'])).toBe('');
    expect(await verdict(['uncordon', 'cordon', 'leave'])).toBe('');
    expect(await verdict(['leave', 'cordon'])).toContain('actions[1].at: is cordon, and no action of the component is uncordon');
    expect(await verdict(['uncordon'])).toContain('actions[0].at: is uncordon, and no action of the component is cordon');
  });
});
