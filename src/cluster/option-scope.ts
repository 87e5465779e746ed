import { valueNames, type PlatformOption, type Scope } from '../manifests/index.ts';
import type { ResolvedOptions } from './options.ts';

/**
 * Returns the values of all options, as ${option.NAME.VALUE}. Values of choices that were not chosen are empty, so that a
 * template may name them in any cluster.
 */
export function optionScope(declared: readonly PlatformOption[], { options }: ResolvedOptions): Scope {
  return Object.fromEntries(
    declared.map((option) => {
      const { choice = '', values = {} } = options.get(option.name) ?? {};
      const empty = Object.fromEntries(valueNames(option).open.map((name) => [name, '']));
      const filled = Object.entries(values).map(([name, value]) => [name, typeof value === 'object' ? value.join(',') : value]);
      return [option.name, { ...empty, ...Object.fromEntries(filled), choice }];
    }),
  );
}
