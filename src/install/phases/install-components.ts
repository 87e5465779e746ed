import type { Placement } from '../../cluster/index.ts';
import type { InstallContext } from '../context.ts';
import type { Step } from '../step.ts';
import { checkComponent } from './check-component.ts';
import { configureComponent } from './configure-component.ts';
import { installPackages } from './install-packages.ts';
import { preparedId } from './prepare-hosts.ts';
import { pullImages } from './pull-images.ts';
import { startComponent } from './start-component.ts';

/**
 * Every component on every host that runs it: its files, packages, images, its start, and a gate that lets others go on
 * once it is healthy. What a component needs is behind its gate before the component is started or its images are pulled.
 */
export function installComponents(context: InstallContext): readonly Step[] {
  return context.topology.placements.flatMap((placement) => installComponent(context, placement));
}

function installComponent(context: InstallContext, placement: Placement): readonly Step[] {
  const gates = placement.needs.map((id) => gateId(id));
  const configure = configureComponent(context, placement, [preparedId(placement.host)]);
  const packages = installPackages(context, placement, [configure.id]);
  const before = [configure.id, ...packages.map(({ id }) => id), ...gates];
  const images = pullImages(context, placement, before);
  const start = startComponent(context, placement, [...before, ...images.map(({ id }) => id)]);
  return [configure, ...packages, ...images, start, checkComponent(context, placement, [start.id])];
}

/** COMPONENT/HOST of a placement is check-components/HOST/COMPONENT of its gate. */
function gateId(placement: string): string {
  const [component, host] = placement.split('/');
  return `check-components/${host}/${component}`;
}
