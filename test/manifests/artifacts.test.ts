import { expect, it } from 'vitest';
import { messageOf } from '../../src/core/index.ts';
import { loadManifests } from '../../src/manifests/index.ts';
import { memoryTree } from '../support/memory-tree.ts';

/** Message of the error for a platform whose only component has this artifact; empty when it is accepted. */
async function verdict(artifact: string): Promise<string> {
  const head = (kind: string, name: string): string => `apiVersion: caisson/v1\nkind: ${kind}\nname: ${name}\n`;
  const tree = {
    'platform.yaml': `${head('Platform', 'p')}version: '1'\ncontainerEngine: false\ndefinitionsDirectory: /opt/p/conf\n`,
    'roles/all.yaml': `${head('Role', 'all')}summary: everything\ncomponents: [web]\n`,
    'components/web/component.yaml': `${head('Component', 'web')}summary: a server\nartifacts: [{ path: /opt/web, ${artifact} }]\n`,
  };
  return loadManifests(memoryTree(tree)).then(() => '', messageOf);
}

it.each(["image: 'example.com/web:1', member: /web", 'file: web', 'file: web.tar.gz, member: /web'])(
  'an artifact may have %s',
  async (lines) => {
    expect(await verdict(lines)).not.toContain('artifacts');
  },
);

it.each([
  ['member: /web', 'artifacts[0]: has neither image nor file'],
  ["image: 'example.com/web:1'", 'artifacts[0]: has no member'],
  ["image: 'example.com/web:1', member: /web, file: web", 'artifacts[0].file: cannot stand beside image'],
  ['file: web, member: web', 'artifacts[0].member: is not an absolute path'],
])('an artifact is refused with %s', async (lines, reason) => {
  expect(await verdict(lines)).toContain(reason);
});
