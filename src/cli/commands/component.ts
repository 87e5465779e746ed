import { listComponents, moveComponent, planComponentMove, type ComponentMove, type ListedComponent } from '../../usecases/index.ts';
import { formatTable, toCell } from '../../ui/index.ts';
import type { CommandContext, RegisterCommand } from '../command.ts';
import { addBundleFlags, addSiteFlags, runSiteVerb, siteOptions, type SiteFlags } from '../site/index.ts';

interface MoveFlags extends SiteFlags {
  readonly from?: string;
  readonly to: string;
  readonly beginEmpty?: boolean;
}

/** `caisson component`: where components run, and the move of a single one by way of cluster.yaml and the plan of an install. */
export const registerComponent: RegisterCommand = (program, run) => {
  const component = program
    .command('component')
    .description('print where components run, and move a single one to another node; run it on the seed, as root');
  component
    .command('list')
    .description('print every component with its nodes and its data')
    .option('--cluster <file>', 'cluster.yaml (default: the file of the last run)')
    .action((flags: { readonly cluster?: string }) => run((context) => showComponents({ parallel: 1, ...flags }, context)));
  const move = component
    .command('move')
    .description('bring a component that runs on one node to another; the plan says what happens to its data, and asks first')
    .argument('<name>', 'a component of placement: one')
    .requiredOption('--to <node>', 'a node of its roles')
    .option('--from <node>', 'the node on which it stands now; refused where that is another')
    .option('--begin-empty', 'begin without its data, which stay where they are');
  addSiteFlags(addBundleFlags(move)).action((name: string, { from, to, beginEmpty, ...flags }: MoveFlags) =>
    run(async (context) => {
      const wanted: ComponentMove = { component: name, from, to, beginEmpty: beginEmpty === true };
      await runSiteVerb(
        {
          plan: (options) => planComponentMove(options, wanted),
          run: (options, approve) => moveComponent(options, wanted, approve),
          asksForNotes: true,
        },
        flags,
        context,
      );
    }),
  );
};

async function showComponents(flags: SiteFlags, context: CommandContext): Promise<void> {
  const components = await listComponents(siteOptions(flags, context));
  const rows = components.map((component) => rowOf(component).map(toCell));
  context.print({ text: formatTable(['NAME', 'PLACEMENT', 'NODES', 'DATA', 'WHAT'], rows), data: { components } });
}

function rowOf({ name, placement, nodes, data, summary }: ListedComponent): readonly string[] {
  return [name, placement, nodes.join(', '), [...new Set(Object.values(data).flat())].join(', '), summary];
}
