import type { InstallContext } from './context.ts';
import { installComponents } from './phases/install-components.ts';
import { prepareHosts } from './phases/prepare-hosts.ts';
import { stageBundle } from './phases/stage-bundle.ts';
import { startDepot } from './phases/start-depot.ts';
import type { Step } from './step.ts';

/** The whole install as steps, in an order in which they may run one after another: the table of contents. */
export function planInstall(context: InstallContext): readonly Step[] {
  const staged = stageBundle(context);
  const depot = startDepot(context, idsOf(staged));
  const prepared = prepareHosts(context, idsOf(depot));
  const components = installComponents(context);
  return [...staged, ...depot, ...prepared, ...components].map((step) => forgetting(step, context));
}

/** What a step changes may make untrue what the agent of its host said before. */
function forgetting(step: Step, { agents }: InstallContext): Step {
  return {
    ...step,
    apply: async (stepContext) => {
      try {
        await step.apply(stepContext);
      } finally {
        agents.forget(step.host);
      }
    },
  };
}

function idsOf(steps: readonly Step[]): readonly string[] {
  return steps.map((step) => step.id);
}
