import { describe, expect, it } from 'vitest';
import { packageKind, type PackageSpec } from '../../src/resources/package.ts';
import type { PackageManager } from '../../src/resources/packages/package-manager.ts';
import { compareDebVersions } from '../../src/ospkg/index.ts';
import { fakeHost } from '../support/fake-host.ts';
import { KIND_CONTEXT } from '../support/kind-context.ts';

/** A context whose package manager has these versions installed, and notes what it is asked to do. */
function contextWith(installed: Readonly<Record<string, string>>) {
  const asked: string[] = [];
  const packages: PackageManager = {
    ...KIND_CONTEXT.packages,
    isAtLeast: (version, wanted) => compareDebVersions(version, wanted) >= 0,
    installed: async () => new Map(Object.entries(installed)),
    recover: async () => void asked.push('recover'),
    install: async (_host, names, { recommends }) => void asked.push(`install ${names.join(' ')}, recommends: ${recommends}`),
    remove: async (_host, names, { purge }) => void asked.push(`remove ${names.join(' ')}, purge: ${purge}`),
  };
  return { context: { ...KIND_CONTEXT, packages }, asked };
}

const wish = (key: string, spec: PackageSpec) => ({ key, spec, replaces: false });

describe('a package', () => {
  const wanted = [
    wish('older', { version: '2' }),
    wish('newer', { version: '2' }),
    wish('missing', { version: '2' }),
    wish('with-more', { version: '2', recommends: true }),
  ];

  it('is as wanted in its version or a newer one, and says which older one is there', async () => {
    const { context } = contextWith({ older: '1', newer: '3' });
    expect(await packageKind.look(fakeHost(), wanted, context)).toEqual([
      { state: 'different', why: '1 is installed, want 2' },
      { state: 'same' },
      { state: 'absent' },
      { state: 'absent' },
    ]);
  });

  it('is installed with what it recommends only where that is wanted, after a repair of what a killed run left', async () => {
    const { context, asked } = contextWith({ older: '1', newer: '3' });
    await packageKind.ensure(fakeHost(), wanted, context);
    expect(asked).toEqual(['recover', 'install older missing, recommends: false', 'install with-more, recommends: true']);
  });

  it.each([
    ['with it', wish('a', { version: '1', recommends: true }), 'install a, recommends: true'],
    ['without it', wish('a', { version: '1' }), 'install a, recommends: false'],
  ])('is installed alone %s where it is the only one', async (_, one, command) => {
    const { context, asked } = contextWith({});
    await packageKind.ensure(fakeHost(), [one], context);
    expect(asked).toEqual(['recover', command]);
  });

  it('is not touched, nor is any other, where all are as wanted', async () => {
    const { context, asked } = contextWith({ older: '2', newer: '3', missing: '2', 'with-more': '2' });
    await packageKind.ensure(fakeHost(), wanted, context);
    expect(asked).toEqual([]);
  });

  it.each([true, false])('goes with its settings where data are purged: %s', async (purge) => {
    const { context, asked } = contextWith({});
    const owned = ['a', 'b'].map((key) => ({ kind: 'package', key, owner: 'web' }));
    await packageKind.remove(fakeHost(), owned, context, { purge });
    expect(asked).toEqual([`remove a b, purge: ${purge}`]);
  });
});
