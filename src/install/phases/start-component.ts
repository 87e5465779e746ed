import { posix } from 'node:path';
import type { Placement } from '../../cluster/index.ts';
import { enableUnit, restartUnit, runChecked } from '../../host/index.ts';
import { componentFiles, componentServices } from '../component-files.ts';
import { hostOf, type InstallContext } from '../context.ts';
import { EXECUTABLE } from '../../site/index.ts';
import { areAsWanted, putInPlace, type ManagedFile } from '../managed-files.ts';
import { filesDigest, serviceDocument } from '../service-document.ts';
import type { Step } from '../step.ts';
import { isRunningWith } from '../unit-freshness.ts';
import { stepsOf } from './make-step.ts';

const step = stepsOf('start-components');

/**
 * Starts a component: units that its packages brought are enabled and (re)started when its files are newer; for all else
 * the agent gets the service definitions and makes units of them.
 */
export function startComponent(context: InstallContext, placement: Placement, needs: readonly string[]): Step {
  const { component, host: node } = placement;
  const host = hostOf(context, node.name);
  const services = componentServices(context, placement);
  const units = services.flatMap(({ unit }) => (unit === undefined ? [] : [unit]));
  const wanted = async (): Promise<WantedFiles | undefined> => {
    const files = await componentFiles(context, placement, 'peek');
    if (files === undefined) return undefined;
    const path = posix.join(context.topology.platform.definitionsDirectory, `${component.name}.yaml`);
    const content = serviceDocument(component, services, filesDigest(files));
    return { definitions: { path, mode: 0o644, content }, paths: files.map((file) => file.path) };
  };
  return step(node.name, component.name, {
    summary: `start ${component.name}`,
    needs,
    isDone: async ({ signal }) => {
      const files = await wanted();
      if (files === undefined || !(await areAsWanted(host, { files: [files.definitions] }, signal))) return false;
      for (const unit of units) if (!(await isRunningWith(host, unit, files.paths, signal))) return false;
      return true;
    },
    apply: async ({ signal }) => {
      const files = await wanted();
      if (files === undefined) throw new Error(`the files of ${component.name} were made and are gone`);
      for (const unit of units) {
        if (await isRunningWith(host, unit, files.paths, signal)) continue;
        await enableUnit(host, unit, { signal });
        await restartUnit(host, unit, { signal });
      }
      // Last: without it, a run that was killed before this point finds the step not done.
      await putInPlace(host, { files: [files.definitions] }, signal);
      await runChecked(host, { argv: [EXECUTABLE, 'agent', 'reload'] }, { signal });
    },
  });
}

interface WantedFiles {
  /** The file of service definitions that the agent reads. */
  readonly definitions: ManagedFile;
  /** The component's own files. */
  readonly paths: readonly string[];
}
