import { homedir } from 'node:os';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { formatTime } from '../../ui/index.ts';
import { bringNodeUp, planNodeDown, takeNodeDown, type CordonOptions, type NodeDownPlan } from '../../usecases/index.ts';
import { addBundleFlag } from '../site/site-flags.ts';
import { ask } from '../ask.ts';
import type { CommandContext, RunCommand } from '../command.ts';

interface DownFlags {
  readonly force?: boolean;
  readonly plan?: boolean;
  readonly yes?: boolean;
}

/** `caisson node down`: stops all components of a node, until an operator brings it up. */
export function registerDown(node: Command, run: RunCommand): void {
  node
    .command('down')
    .description('stop all components of a node, and keep them stopped through a reboot; it gets no new work meanwhile')
    .argument('<name>', 'an installed node')
    .option('--force', 'also where others need what then runs nowhere')
    .option('--plan', 'print what would stop and what would be away, and change nothing')
    .option('--yes', 'do not ask before the first change')
    .action((name: string, flags: DownFlags) => run((context) => runDown(name, flags, context)));
}

/** `caisson node up`: starts the components of a node that is down. */
export function registerUp(node: Command, run: RunCommand): void {
  const command = node
    .command('up')
    .description('start all components of a node that is down, each healthy before the next')
    .argument('<name>', 'an installed node');
  addBundleFlag(command).action((name: string, { bundle }: { readonly bundle?: readonly string[] }) =>
    run(async (context) => {
      const bundlePaths = bundle?.map((path) => resolve(path));
      const summary = await bringNodeUp({ ...optionsFor(name, context), bundlePaths });
      context.print({ text: `"${name}" is up: all its components are healthy`, data: { node: name, ...summary } });
    }),
  );
}

async function runDown(name: string, { force, plan, yes }: DownFlags, context: CommandContext): Promise<void> {
  const options = { ...optionsFor(name, context), force: force === true };
  if (plan === true) {
    const planned = await planNodeDown(options);
    context.print({ text: [...describe(planned), 'Nothing was changed'].join('\n'), data: { outcome: 'planned', ...planned } });
    return;
  }
  const { down, ...summary } = await takeNodeDown(options, (planned) => approve(planned, yes === true, context));
  const text = `"${name}" is down since ${formatTime(down.since)}\nBring it up with: caisson node up ${name}`;
  context.print({ text, data: { node: name, down, ...summary } });
}

function approve(planned: NodeDownPlan, yes: boolean, context: CommandContext): Promise<boolean> {
  const question = {
    text: `Take "${planned.node}" down?`,
    about: describe(planned),
    refusal: {
      message: 'Cannot ask before the first change: the input is not a terminal; nothing was changed',
      hint: 'Read the plan above (--plan prints it), then run this again with --yes',
    },
  };
  return ask(question, yes, context);
}

function describe({ node, stops, cordons, away }: NodeDownPlan): readonly string[] {
  return [
    ...(cordons ? [`${node} is cordoned: it gets no new work`] : []),
    stops.length === 0 ? `Nothing runs on ${node}` : `Stop on ${node}, in this order: ${stops.join(', ')}`,
    ...away,
  ];
}

function optionsFor(node: string, { env, clock, emit, signal, machines }: CommandContext): CordonOptions {
  return { node, home: env['HOME'] ?? homedir(), agentSocket: env['SSH_AUTH_SOCK'], clock, emit, signal, machines };
}
