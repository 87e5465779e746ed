import { pendingOf } from './pending.ts';
import { ABSENT, SAME, type Found, type ResourceKind } from './kind.ts';

/** A package in at least this version, which is the bundle's. A newer installed version stays. Its key is the name. */
export interface PackageSpec {
  readonly version: string;
  /** True where the packages that it recommends come along, as far as the bundle has them. */
  readonly recommends?: true;
}

export const packageKind: ResourceKind<PackageSpec> = {
  look: async (host, wanted, { packages, signal }) => {
    const installed = await packages.installed(
      host,
      wanted.map(({ key }) => key),
      signal,
    );
    return wanted.map(({ key, spec }): Found => {
      const found = installed.get(key);
      if (found === undefined) return ABSENT;
      if (packages.isAtLeast(found, spec.version)) return SAME;
      return { state: 'different', why: `${found} is installed, want ${spec.version}` };
    });
  },
  ensure: async (host, wanted, context) => {
    const { packages, signal, emit } = context;
    const pending = await pendingOf(packageKind.look, host, wanted, context);
    if (pending.length === 0) return;
    await packages.recover(host, { signal, emit });
    for (const recommends of [false, true]) {
      const names = pending.filter(({ spec }) => (spec.recommends === true) === recommends).map(({ key }) => key);
      if (names.length > 0) await packages.install(host, names, { signal, emit, recommends });
    }
  },
  remove: (host, owned, { packages, signal, emit }, { purge }) =>
    packages.remove(
      host,
      owned.map(({ key }) => key),
      { signal, emit, purge },
    ),
};
