import { describe, expect, it } from 'vitest';
import { messageOf } from '../../src/core/index.ts';
import { loadManifests } from '../../src/manifests/index.ts';
import { memoryTree } from '../support/memory-tree.ts';

const COMPONENT = 'components/web/component.yaml';

/** Message of the error for a platform without a container engine whose only component has these lines; empty when it is accepted. */
async function verdict(lines: string): Promise<string> {
  const head = (kind: string, name: string): string => `apiVersion: caisson/v1\nkind: ${kind}\nname: ${name}\n`;
  const tree = {
    'platform.yaml': `${head('Platform', 'p')}version: '1'\ncontainerEngine: false\ndefinitionsDirectory: /opt/p/conf\n`,
    'roles/all.yaml': `${head('Role', 'all')}summary: everything\ncomponents: [web]\n`,
    [COMPONENT]: `${head('Component', 'web')}summary: a server\n${lines}`,
  };
  return loadManifests(memoryTree(tree)).then(() => '', messageOf);
}

describe('a platform without a container engine', () => {
  it('has processes, commands, and files out of images', async () => {
    const lines = [
      'services: [{ name: web, process: { command: [/opt/p/web] } }]',
      "artifacts: [{ path: /opt/p/web, image: 'example.com/web:1', member: /web }]",
      'actions: [{ name: tell, summary: tell it, at: once, command: [/opt/p/web, --tell] }]',
    ];
    expect(await verdict(`${lines.join('\n')}\n`)).not.toContain('container engine');
  });

  it.each([
    ["services: [{ name: web, container: { image: 'example.com/web:1' } }]", 'services[0].container'],
    ["actions: [{ name: tell, summary: tell it, at: once, container: { image: 'example.com/web:1' } }]", 'actions[0].container'],
    ["images: ['example.com/web:1']", 'images'],
  ])('has no %s', async (line, path) => {
    expect(await verdict(`${line}\n`)).toContain(`${path}: needs a container engine, and platform.yaml says containerEngine: false`);
  });
});
