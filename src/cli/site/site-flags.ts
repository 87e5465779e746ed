import { homedir } from 'node:os';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { CaissonError, parseDigest } from '../../core/index.ts';
import { HOSTS_AT_ONCE } from '../../host/index.ts';
import type { OperationOptions, SaidOfBundle } from '../../usecases/index.ts';
import { collect } from '../collect.ts';
import type { CommandContext } from '../command.ts';
import { numberUpTo } from '../number-up-to.ts';
import { registryFiller } from '../registry-filler.ts';
import { addTrustFlags, trustFilesOf, type TrustFlags } from '../signing/trust-flags.ts';

/** Flags of every command that changes a site. */
export interface SiteFlags extends TrustFlags {
  readonly plan?: boolean;
  readonly bundle?: readonly string[];
  readonly cluster?: string;
  readonly yes?: boolean;
  readonly purge?: boolean;
  readonly forget?: readonly string[];
  readonly digest?: string;
  readonly unsigned?: true;
  readonly parallel: number;
}

/** Adds the flags for a bundle and for what vouches for it; without them a command takes the one that is installed. */
export function addBundleFlags(command: Command): Command {
  return addAcceptFlags(addBundleFlag(command));
}

/** Adds the flags that say what vouches for a bundle, besides allowed signers. */
export function addAcceptFlags(command: Command): Command {
  return command
    .option('--digest <digest>', 'the digest that the bundle must have, as its builder told it by another way: sha256:…')
    .option('--unsigned', 'take a bundle for which no allowed signer and no digest vouches; --yes wants one of the three');
}

/** Adds the flag for a bundle alone. */
export function addBundleFlag(command: Command): Command {
  return command.option(
    '--bundle <file...>',
    'the bundle, or volumes of it; for a delta also the bundles that it needs (default: what is installed)',
  );
}

/** Adds the flags that all commands which change a site share. */
export function addSiteFlags(command: Command): Command {
  addPlanFlag(command)
    .option('--cluster <file>', 'the hosts, as cluster.yaml (default: the file of the last run)')
    .option('--yes', ASK)
    .option('--forget <host>', 'let a host go that leaves the cluster and is lost for good', collect);
  return addTrustFlags(addParallelFlag(command));
}

/** Adds those of these flags that also make sense where there is no site yet. */
export function addNewSiteFlags(command: Command): Command {
  return addTrustFlags(addParallelFlag(addPlanFlag(command).option('--yes', ASK)));
}

/** Most hosts at the same time: each needs a connection and buffers on the seed. */
const MOST_PARALLEL = 1000;
const ASK = 'do not ask before the first change';

function addPlanFlag(command: Command): Command {
  return command.option('--plan', 'print what would be done and what follows from it, and change nothing');
}

function addParallelFlag(command: Command): Command {
  const about = 'hosts that are connected and worked on at the same time';
  return command.option('--parallel <number>', about, numberUpTo(MOST_PARALLEL), HOSTS_AT_ONCE);
}

/** Throws USAGE for flags that contradict each other, DIGEST_INVALID. */
function saidOf({ digest, unsigned, allowedSigners, yes, plan }: SiteFlags): SaidOfBundle {
  const other = digest === undefined ? allowedSigners && '--allowed-signers' : '--digest';
  if (unsigned === true && other !== undefined) {
    throw new CaissonError('USAGE', `Cannot use --unsigned with ${other}: they contradict each other`, { hint: 'Leave one of them out' });
  }
  return {
    digest: digest === undefined ? undefined : parseDigest(digest),
    unsigned: unsigned === true,
    isUnasked: yes === true && plan !== true,
  };
}

/** Makes the options of a use case from the flags. Relative paths start at the working directory. */
export function siteOptions(flags: SiteFlags, context: CommandContext): OperationOptions {
  return {
    bundlePaths: flags.bundle?.map((path) => resolve(path)),
    clusterPath: flags.cluster === undefined ? undefined : resolve(flags.cluster),
    trust: trustFilesOf(flags),
    said: saidOf(flags),
    connect: { home: context.env['HOME'] ?? homedir(), agentSocket: context.env['SSH_AUTH_SOCK'] },
    purge: flags.purge === true,
    forget: flags.forget ?? [],
    hostsAtOnce: flags.parallel,
    ...(context.machines === undefined ? { registryFiller } : {}),
    clock: context.clock,
    emit: context.emit,
    signal: context.signal,
    ...(context.machines === undefined ? {} : { machines: context.machines }),
  };
}
