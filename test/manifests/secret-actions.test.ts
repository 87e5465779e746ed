import { describe, expect, it } from 'vitest';
import { messageOf } from '../../src/core/index.ts';
import { loadManifests } from '../../src/manifests/index.ts';
import { memoryTree } from '../support/memory-tree.ts';
import { MANIFESTS, shippedManifests } from '../support/sample-install.ts';

const RIGHT: Readonly<Record<string, string>> = {
  at: 'secret-change',
  secret: 'store-root',
  command: '[storectl, set, "${secretFile.old}", "${secretFile.new}"]',
  done: '[storectl, takes, "${secretFile.new}"]',
};

/** Message of the error for the sample platform whose store has this action; empty when it is accepted. */
async function verdict(action: Readonly<Record<string, string>>): Promise<string> {
  const path = 'components/store/component.yaml';
  const fields = Object.entries(action).map(([key, value]) => `${key}: ${value}`);
  const text = `${MANIFESTS[path] ?? ''}actions: [{ name: set, summary: set it, ${fields.join(', ')} }]\n`;
  return loadManifests(memoryTree({ ...MANIFESTS, [path]: text })).then(() => '', messageOf);
}

describe('an action for the change of a secret', () => {
  it('names the secret, and knows the files with both values', async () => {
    expect(await verdict(RIGHT)).toBe('');
    expect(await verdict({ ...RIGHT, command: '[storectl, set]' })).toBe('');
  });

  it.each([
    ['no secret', { secret: undefined }, 'actions[0].secret: is missing'],
    ['a secret of another component', { secret: 'web-key' }, 'there is no secret of the component "web-key"'],
    ['no probe', { done: undefined }, 'actions[0].done: is missing'],
    ['another moment', { at: 'once' }, 'actions[0].secret: is for at: secret-change alone'],
    ['arguments for a container that it does not have', { done: '{ arguments: [takes] }' }, 'has arguments without a container'],
    ['the value itself', { done: '[storectl, "${secret.store-root}"]' }, 'stands outside a template file'],
  ])('is refused with %s', async (_what, change, problem) => {
    const action = Object.fromEntries(
      Object.entries({ ...RIGHT, ...change }).flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const])),
    );
    expect(await verdict(action)).toContain(problem);
  });

  it('is the only one that knows these files', async () => {
    const others = { at: 'once', command: '[storectl, "${secretFile.new}"]' };
    expect(await verdict(others)).toContain('there is no "${secretFile.new}"');
  });

  it('is there for every secret of a shipped component with data', async () => {
    const { components } = await loadManifests(memoryTree((await shippedManifests()).manifests));
    const secrets = [...components.values()].flatMap(({ secrets: own, actions, directories }) =>
      directories.length === 0
        ? []
        : own.filter(({ inData }) => inData).map(({ name }) => ({ name, actions: actions.filter(({ secret }) => secret === name).length })),
    );
    expect(secrets).toEqual(['db-root', 'db-rainbond', 'db-exporter'].map((name) => ({ name, actions: 1 })));
  });
});
