import { homedir } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { HOSTS_AT_ONCE } from '../../host/index.ts';
import type { InstallOptions } from '../../usecases/index.ts';
import { collect } from '../collect.ts';
import type { CommandContext } from '../command.ts';
import { parseParallel } from '../parse-parallel.ts';
import { addTrustFlags, trustFilesOf, type TrustFlags } from '../signing/trust-flags.ts';

/** Flags of every command that changes a site. */
export interface SiteFlags extends TrustFlags {
  readonly bundle: readonly string[];
  readonly cluster: string;
  readonly yes?: boolean;
  readonly purge?: boolean;
  readonly forget?: readonly string[];
  readonly parallel: number;
}

/** Adds the flags that all commands which change a site share. */
export function addSiteFlags(command: Command): Command {
  command
    .option('--yes', 'do not ask before the first change')
    .option('--forget <host>', 'let a host go that leaves the cluster and is lost for good', collect)
    .option('--parallel <number>', 'hosts that are connected and worked on at the same time', parseParallel, HOSTS_AT_ONCE);
  return addTrustFlags(command);
}

/** Makes the options of a use case from the flags. Relative paths start at the working directory. */
export function siteOptions(flags: SiteFlags, context: CommandContext): InstallOptions {
  const clusterPath = resolve(flags.cluster);
  return {
    bundlePaths: flags.bundle.map((path) => resolve(path)),
    clusterPath,
    trust: trustFilesOf(flags),
    connect: { home: context.env['HOME'] ?? homedir(), directory: dirname(clusterPath), agentSocket: context.env['SSH_AUTH_SOCK'] },
    purge: flags.purge === true,
    forget: flags.forget ?? [],
    hostsAtOnce: flags.parallel,
    clock: context.clock,
    emit: context.emit,
    signal: context.signal,
  };
}
