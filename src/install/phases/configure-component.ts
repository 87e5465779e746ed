import type { Placement } from '../../cluster/index.ts';
import { componentDirectories, componentFiles } from '../component-files.ts';
import { hostOf, type InstallContext } from '../context.ts';
import { areAsWanted, putInPlace } from '../managed-files.ts';
import type { Step } from '../step.ts';
import { stepsOf } from './make-step.ts';

const step = stepsOf('configure-components');

/** Directories, configuration files and certificates of a component. They are there before its packages start anything. */
export function configureComponent(context: InstallContext, placement: Placement, needs: readonly string[]): Step {
  const { component, host: node } = placement;
  const host = hostOf(context, node.name);
  const directories = componentDirectories(context, placement);
  return step(node.name, component.name, {
    summary: `configure ${component.name}`,
    needs,
    isDone: async ({ signal }) => {
      const files = await componentFiles(context, placement, 'peek');
      return files !== undefined && (await areAsWanted(host, { files, directories }, signal));
    },
    apply: async ({ signal }) => {
      const files = (await componentFiles(context, placement, 'obtain')) ?? [];
      await putInPlace(host, { files, directories }, signal);
    },
  });
}
