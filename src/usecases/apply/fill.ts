import type { Step } from '../../engine/index.ts';
import type { FillStep } from '../../plan/index.ts';
import type { RunSite } from './run-site.ts';

/** Fills the registry of the cluster. Done when the registry says that all is there. Then the record says with which bundle. */
export function fillBehaviour({ registry: filled, site }: RunSite, { registry }: FillStep): Pick<Step, 'isDone' | 'apply'> {
  if (filled === undefined) throw new Error('a plan fills a registry, and nothing can');
  const remember = (): Promise<void> =>
    site.update((record) => ({ ...record, registry: { bundle: filled.bundle, hosts: [...registry.hosts] } }));
  return {
    isDone: async (context) => {
      const isDone = await filled.isFilled(registry, context);
      if (isDone) await remember();
      return isDone;
    },
    apply: async (context) => {
      await filled.fill(registry, context);
      await remember();
    },
  };
}
