import { describe, expect, it } from 'vitest';
import { loadManifests } from '../../src/manifests/index.ts';
import { renderTemplate } from '../../src/manifests/template.ts';
import { codeOf, HOSTILE_BYTES, HOSTILE_TEXTS } from '../support/hostile-texts.ts';
import { memoryTree } from '../support/memory-tree.ts';
import { SAMPLE } from './sample-manifests.ts';

describe('loadManifests', () => {
  it.each(HOSTILE_BYTES)('refuses %s in place of any kind of document', async (_, bytes) => {
    const paths = ['platform.yaml', 'components/store/component.yaml', 'roles/manage.yaml', 'os/debian-12.yaml'];
    const files = { ...SAMPLE, ...Object.fromEntries(paths.map((path) => [path, bytes])) };
    expect(await codeOf(() => loadManifests(memoryTree(files)))).toBe('INPUT_INVALID');
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  it.each<readonly [string, string]>([
    ['a template that leaves the directory', 'template: ../../../platform.yaml'],
    ['an absolute template', 'template: /etc/passwd'],
    ['a template with a NUL', 'template: "a\\0b"'],
  ])('refuses %s', async (_, template) => {
    const path = 'components/store/component.yaml';
    const files = { ...SAMPLE, [path]: (SAMPLE[path] ?? '').replace('template: store.conf', template) };
    expect(files[path]).not.toBe(SAMPLE[path]);
    expect(await codeOf(() => loadManifests(memoryTree(files)))).toBe('INPUT_INVALID');
  });
});

describe('renderTemplate', () => {
  it.each(HOSTILE_TEXTS)('leaves %s as it is, or refuses it', async (_, text) => {
    let rendered: string | undefined;
    expect([undefined, 'INPUT_INVALID']).toContain(
      await codeOf(() => (rendered = renderTemplate(text, { node: { name: 'n' } }, 'x.conf'))),
    );
    if (rendered !== undefined) expect(rendered).toBe(text);
  });

  it.each(['__proto__', 'constructor', 'node.__proto__', 'node.constructor.name', 'node.name.length', 'toString'])(
    'does not know ${%s}',
    async (name) => {
      expect(await codeOf(() => renderTemplate(`\${${name}}`, { node: { name: 'n' } }, 'x.conf'))).toBe('INPUT_INVALID');
    },
  );
});
