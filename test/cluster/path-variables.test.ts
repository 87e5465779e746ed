import { beforeAll, describe, expect, it } from 'vitest';
import { parseClusterSpec } from '../../src/cluster/index.ts';
import { loadManifests, type Manifests } from '../../src/manifests/index.ts';
import { pathVariables } from '../../src/cluster/path-variables.ts';
import { memoryTree } from '../support/memory-tree.ts';
import { SAMPLE, SAMPLE_CLUSTER } from '../manifests/sample-manifests.ts';
import { problemLines } from '../support/problem-lines.ts';

let manifests: Manifests;
beforeAll(async () => {
  const store = (SAMPLE['components/store/component.yaml'] ?? '').replace('${var.root}/data:/data', '/srv/${var.registry}/data:/data');
  manifests = await loadManifests(memoryTree({ ...SAMPLE, 'components/store/component.yaml': store }));
});

/** Where variables of these values are refused, and why. */
function refusals(variables: Readonly<Record<string, string>>): readonly string[] {
  const text = `${SAMPLE_CLUSTER}variables: ${JSON.stringify(variables)}\n`;
  return problemLines(() => parseClusterSpec(text, 'c.yaml', manifests));
}

describe('pathVariables', () => {
  it('finds the variables that paths are made of, also through other variables', () => {
    expect(Object.fromEntries(pathVariables(manifests))).toEqual({
      conf: { leading: true, where: 'definitionsDirectory of the platform' },
      root: { leading: true, where: 'files of "store"' },
      registry: { leading: false, where: 'mounts of "store"' },
    });
  });

  it('follows the values of cluster.yaml', () => {
    const manifestsOfOne = { platform: { variables: { base: '/a', root: '/b' }, definitionsDirectory: '${var.root}/conf' } };
    expect([...pathVariables(manifestsOfOne).keys()]).toEqual(['root']);
    expect([...pathVariables(manifestsOfOne, { root: '${var.base}/x' }).keys()]).toEqual(['root', 'base']);
  });
});

describe('variables of cluster.yaml that are parts of paths', () => {
  it('may not climb, with the line and the reason', () => {
    expect(refusals({ root: '../../tmp/x; rm -rf /' })).toEqual([
      'c.yaml:8:20: variables.root: has a ".." component, and manifests make paths of it (files of "store") (write the path out)',
    ]);
    expect(refusals({ root: '/opt/../etc' })).toHaveLength(1);
    expect(refusals({ registry: '..' })).toHaveLength(1);
  });

  it.each([
    ['a command', '/opt/x; rm', '";"'],
    ['a line break', '/opt/x\n/y', '"\\n"'],
    ['a space', '/opt/my data', '" "'],
    ['what a shell fills in', '/opt/$HOME', '"$"'],
    ['quotes', "/opt/'x'", '"\'"'],
    ['what ends a mount', '/opt/x:/y', '":"'],
    ['what is no ASCII', '/opt/daten-ä', '"ä"'],
  ])('may not hold %s', (_, value, character) => {
    expect(refusals({ root: value })).toEqual([
      expect.stringContaining(
        `variables.root: has the character ${character}, and manifests make paths of it (files of "store") (use letters`,
      ),
    ]);
  });

  it('must be absolute where paths begin with them, and need not elsewhere', () => {
    expect(refusals({ root: 'opt/x' })).toEqual([expect.stringContaining('is not an absolute path, and manifests make paths of it')]);
    expect(refusals({ conf: '${var.registry}/x' })).toEqual([]);
    expect(refusals({ registry: 'hub.example' })).toEqual([]);
  });

  it.each(['/srv/caisson', '/srv/a-b_c.d/e@f+g=h,i', '/'])('may be %s', (value) => {
    expect(refusals({ root: value })).toEqual([]);
  });
});
