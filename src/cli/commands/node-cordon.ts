import { homedir } from 'node:os';
import type { Command } from 'commander';
import { cordonNode, uncordonNode, type CordonOptions } from '../../usecases/index.ts';
import { formatTime } from '../../ui/index.ts';
import type { CommandContext, RunCommand } from '../command.ts';

interface CordonFlags {
  readonly force?: boolean;
}

/** `caisson node cordon`: keeps new work away from a node, until an operator uncordons it. */
export function registerCordon(node: Command, run: RunCommand): void {
  node
    .command('cordon')
    .description('keep new work away from a node; what runs there stays. The node itself need not answer')
    .argument('<name>', 'an installed node')
    .option('--force', 'also where no other node of its role takes new work')
    .action((name: string, { force }: CordonFlags) =>
      run(async (context) => {
        const { cordoned, ...summary } = await cordonNode({ ...optionsFor(name, context), force: force === true });
        const text = `"${name}" gets no new work since ${formatTime(cordoned.since)}\nTake it back with: caisson node uncordon ${name}`;
        context.print({ text, data: { node: name, cordoned, ...summary } });
      }),
    );
}

/** `caisson node uncordon`: takes a cordon back. */
export function registerUncordon(node: Command, run: RunCommand): void {
  node
    .command('uncordon')
    .description('let a node that was cordoned get new work again')
    .argument('<name>', 'an installed node')
    .action((name: string) =>
      run(async (context) => {
        const summary = await uncordonNode(optionsFor(name, context));
        context.print({ text: `"${name}" gets new work again`, data: { node: name, ...summary } });
      }),
    );
}

function optionsFor(node: string, { env, clock, emit, signal, machines }: CommandContext): CordonOptions {
  return { node, home: env['HOME'] ?? homedir(), agentSocket: env['SSH_AUTH_SOCK'], clock, emit, signal, machines };
}
