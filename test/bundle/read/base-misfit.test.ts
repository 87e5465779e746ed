import { describe, expect, it } from 'vitest';
import { baseMisfit, type GivenBundle } from '../../../src/bundle/read/base-misfit.ts';
import { digestOf } from '../../../src/core/index.ts';

function bundle(name: string, version: string, bases: GivenBundle['bases'] = []): GivenBundle {
  return { path: `/media/${name}-${version}.tar`, name, version, digest: digestOf(`${name} ${version}`), bases };
}

function baseOf({ name = '', version = '', digest = digestOf('') }: GivenBundle) {
  return { name, version, digest };
}

describe('baseMisfit', () => {
  const [old, present] = [bundle('lab', '1.0'), bundle('lab', '1.1')];
  const delta = bundle('lab', '2.0', [baseOf(present)]);

  it('names the bundle that was given in the place of the base, and both with version and digest', () => {
    expect(baseMisfit([delta, old])).toMatchObject({
      code: 'BUNDLE_BASE_MISSING',
      message:
        'Cannot use "/media/lab-1.0.tar" as the base of "/media/lab-2.0.tar": ' +
        `it is lab 1.0, bundle ${old.digest}, want lab 1.1, bundle ${present.digest}`,
      hint: expect.stringContaining('without --base'),
    });
  });

  it('looks at every base of a delta, and at every delta', () => {
    const [other, tools] = [bundle('other', '1.0'), bundle('tools', '1.0')];
    const both = bundle('lab', '2.0', [baseOf(other), baseOf(present)]);
    expect(baseMisfit([tools, both, other, old])?.message).toContain('"/media/lab-1.0.tar" as the base of "/media/lab-2.0.tar"');
    const later = bundle('tools', '3.0', [baseOf(bundle('tools', '2.0'))]);
    expect(baseMisfit([delta, present, later, tools])?.message).toContain('"/media/tools-1.0.tar" as the base of "/media/tools-3.0.tar"');
  });

  it.each<readonly [string, readonly GivenBundle[]]>([
    ['the base itself is among them', [delta, present, old]],
    ['the base is missing and nothing stands for it', [delta]],
    ['the other one has another name', [delta, bundle('tools', '1.0')]],
    ['the other one is a delta itself', [delta, bundle('lab', '1.5', [baseOf(bundle('tools', '1.0'))])]],
    ['the other one is the base of another delta', [delta, old, bundle('other', '2.0', [baseOf(old)])]],
    ['the digest of the other one is not known', [delta, { ...old, digest: undefined }]],
    ['there is no delta', [old, present]],
    ['there is nothing', []],
  ])('finds nothing where %s', (_, given) => {
    expect(baseMisfit(given)).toBeUndefined();
  });
});
