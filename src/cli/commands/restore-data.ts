import { homedir } from 'node:os';
import { resolve } from 'node:path';
import type { Opener } from '../../backup/index.ts';
import { formatSize } from '../../core/index.ts';
import { planRestoreData, restoreData, type RestoreDataPlan } from '../../usecases/index.ts';
import { ask } from '../ask.ts';
import type { CommandContext } from '../command.ts';

interface Flags {
  readonly opener: Opener;
  readonly component?: readonly string[];
  readonly plan?: boolean;
  readonly yes?: boolean;
}

/** `caisson restore FILE --data`: shows the plan, asks, and puts the data back. */
export async function restoreDataBack(file: string, { opener, component, plan, yes }: Flags, context: CommandContext): Promise<void> {
  const options = {
    file: resolve(file),
    opener,
    components: component ?? [],
    home: context.env['HOME'] ?? homedir(),
    agentSocket: context.env['SSH_AUTH_SOCK'],
    clock: context.clock,
    emit: context.emit,
    signal: context.signal,
    ...(context.machines === undefined ? {} : { machines: context.machines }),
  };
  if (plan === true) {
    const planned = await planRestoreData(options);
    context.print({ text: [...describe(planned), 'Nothing was changed'].join('\n'), data: { outcome: 'planned', ...dataOf(planned) } });
    return;
  }
  let shown: RestoreDataPlan | undefined;
  const { changed, steps } = await restoreData(options, (planned) => {
    shown = planned;
    return approve(planned, yes === true, context);
  });
  const restored = shown === undefined ? {} : dataOf(shown);
  const text = [
    `Restored the data of ${shown?.targets.length ?? 0} components on their hosts (${steps} steps)`,
    ...(shown === undefined ? [] : keptLines(shown)),
  ];
  context.print({ text: text.join('\n'), data: { outcome: 'restored', changed, steps, ...restored } });
}

function approve(plan: RestoreDataPlan, yes: boolean, context: CommandContext): Promise<boolean> {
  const filled = plan.targets.flatMap((target) => target.filled);
  const question = {
    text: filled.length === 0 ? 'Put these data back?' : `Put these data back, in the place of those in ${filled.length} directories?`,
    about: describe(plan),
    refusal: {
      message: 'Cannot ask before the first change: the input is not a terminal; nothing was changed',
      hint: 'Read the plan above (--plan prints it), then run this again with --yes',
    },
  };
  return ask(question, yes, context);
}

function describe(plan: RestoreDataPlan): readonly string[] {
  const { document, targets, dependents, left, bundle } = plan;
  const was = document.bundle;
  return [
    `Data of site "${document.site.name}" of ${document.time}`,
    ...targets.flatMap(({ placement, data, directories, filled }) => [
      ...data.map(
        ({ file, size, host }) => `~ ${placement.host.name}: ${placement.component.name} from ${file} of ${host} (${formatSize(size)})`,
      ),
      ...directories.map(({ path }) =>
        filled.includes(path) ? `  ${path} has data: they are moved to ${path}${plan.aside}` : `  ${path} is empty`,
      ),
    ]),
    ...left.map(({ component, host, file }) => `  ${component}: ${file} of ${host} is put back nowhere: no host that runs takes it`),
    ...(dependents.length === 0 ? [] : [`Stop meanwhile, too: ${dependents.map(({ id }) => id).join(', ')}`]),
    ...(was === undefined || was.digest === bundle.digest
      ? []
      : [
          `The backup was made with ${was.name} ${was.version}, and ${bundle.name} ${bundle.version} is in force: its data may be of another form`,
        ]),
  ];
}

function keptLines({ targets, aside }: RestoreDataPlan): readonly string[] {
  const kept = targets.flatMap(({ placement, filled }) => filled.map((path) => `  ${placement.host.name}: ${path}${aside}`));
  return kept.length === 0 ? [] : ['Data from before are kept, until you remove them:', ...kept];
}

function dataOf({ document, targets, dependents, left, aside }: RestoreDataPlan): Readonly<Record<string, unknown>> {
  return {
    site: document.site,
    time: document.time,
    targets: targets.map(({ placement, data, filled }) => ({
      component: placement.component.name,
      host: placement.host.name,
      files: data.map(({ file }) => file),
      movedAside: filled.map((path) => `${path}${aside}`),
    })),
    stopped: dependents.map(({ id }) => id),
    left,
  };
}
