import { HOSTS_AT_ONCE } from '../../host/index.ts';
import { formatSize } from '../../core/index.ts';
import { writeSupportBundle, type SupportBundle } from '../../usecases/index.ts';
import { collect } from '../collect.ts';
import type { CommandContext, RegisterCommand } from '../command.ts';
import { siteOptions } from '../site/index.ts';

interface Flags {
  readonly output?: string;
  readonly node?: readonly string[];
  readonly cluster?: string;
}

/** `caisson support-bundle`: one archive with what the seed and the hosts of a site know, without its secrets. */
export const registerSupportBundle: RegisterCommand = (program, run) => {
  program
    .command('support-bundle')
    .description(
      'write one archive for those who help: states, runs, units, messages and facts of all hosts, without secrets; run it on the seed, as root',
    )
    .option('--output <file>', 'archive to write (default: caisson-support-CLUSTER-TIME.tar.gz)')
    .option('--node <name>', 'ask this host alone (may be repeated)', collect)
    .option('--cluster <file>', 'cluster.yaml (default: the file of the last run)')
    .action((flags: Flags) => run((context) => collectSupport(flags, context)));
};

async function collectSupport({ output, node: nodes, ...flags }: Flags, context: CommandContext): Promise<void> {
  const { version } = context;
  const bundle = await writeSupportBundle({ ...siteOptions({ ...flags, parallel: HOSTS_AT_ONCE }, context), output, nodes, version });
  context.print({ text: describe(bundle), data: bundle });
}

function describe({ path, size, files, findings, failures }: SupportBundle): string {
  return [
    `Wrote ${path}: ${files} files, ${formatSize(size)}`,
    'Secrets of the site were taken out. Look through it before you give it away: addresses and names are in it',
    ...findings.map(({ host, problem }) => `${host} is missing: ${problem}`),
    ...failures.map(({ host, path: part, reason }) => `${host}: "${part}" is missing: ${reason}`),
  ].join('\n');
}
