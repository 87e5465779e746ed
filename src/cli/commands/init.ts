import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import type { TypedChoices } from '../../cluster/index.ts';
import { CaissonError } from '../../core/index.ts';
import { initSite, planInit, tryInitLogin, type InitOptions, type NewSite, type OnlineRequest } from '../../usecases/index.ts';
import { collect } from '../collect.ts';
import type { CommandContext, RegisterCommand } from '../command.ts';
import { addLockFlags, addUpstreamFlags, supplyOfFlags, type SupplyFlags } from '../online/index.ts';
import { addAcceptFlags, addNewSiteFlags, runSiteVerb, siteOptions, type SiteFlags } from '../site/index.ts';
import { addNodeSshFlags, collectList, nodeSsh, parsePort, type NodeSshFlags } from './node-flags.ts';
import { acceptHostKey, addLoginFlags, readLogin, type LoginFlags } from './node-login.ts';

interface Flags extends SiteFlags, SupplyFlags, LoginFlags, NodeSshFlags {
  readonly installType: 'offline' | 'online';
  readonly cluster: string;
  readonly clusterName?: string;
  readonly node: string;
  readonly iip: string;
  readonly role?: readonly string[];
  readonly address?: string;
  readonly depotPort?: string;
  readonly domain?: string;
  readonly podCidr?: string;
  readonly serviceCidr?: string;
  readonly option: readonly string[];
  readonly optionValue: readonly string[];
}

/** `caisson init`: writes a cluster.yaml of one node from flags, and installs it. Runs on the seed. */
export const registerInit: RegisterCommand = (program, run) => {
  const command = program
    .command('init')
    .summary('begin a cluster: write a cluster.yaml of its first node from these flags, show the plan, ask, and install; as root')
    .description(
      'Writes a cluster.yaml of the first node from these flags, shows the plan, asks, and installs; run it as root. The platform of the bundle may have flags of its own besides. A command with an unknown flag lists them.',
    )
    .addOption(
      new Option('--install-type <type>', 'offline: from a bundle; online: from its lock, as install --online does')
        .choices(['offline', 'online'])
        .makeOptionMandatory(),
    )
    .option('--bundle <file...>', 'offline: the bundle, or volumes of it; for a delta also the bundles that it needs')
    .requiredOption('--iip <address>', 'address by which the other hosts reach the first node; usually one of this machine')
    .option('--role <role>', 'what it is for; several by a comma or by further --role (default: as the platform says)', collectList)
    .option('--node <name>', 'its name in the cluster', 'node1')
    .option('--cluster-name <name>', 'name of the cluster (default: the name of the platform)')
    .option('--cluster <file>', 'the cluster.yaml that is written', 'cluster.yaml')
    .option('--domain <domain>', 'domain of the applications that run on the cluster')
    .option('--option <name=choice>', 'a choice among the options of the platform; may be repeated', collect, [])
    .option('--option-value <name.value=text>', 'a value that such a choice needs; a list by commas; may be repeated', collect, [])
    .option('--pod-cidr <network>', 'addresses of containers')
    .option('--service-cidr <network>', 'addresses of services')
    .option('--address <address>', 'address of this machine, where the first node is another')
    .option('--depot-port <port>', 'port of the depot on this machine')
    .allowUnknownOption()
    .allowExcessArguments();
  addNodeSshFlags(addLoginFlags(command));
  addUpstreamFlags(addLockFlags(addNewSiteFlags(addAcceptFlags(command)))).action((flags: Flags, { args }: Command) =>
    run((context) => begin(flags, args, context)),
  );
};

async function begin(flags: Flags, rest: readonly string[], context: CommandContext): Promise<void> {
  const options = { ...siteOptions(flags, context), clusterPath: resolve(flags.cluster), supply: await supplyOf(flags, context) };
  const site = await readSite(flags, rest, options, context);
  await runSiteVerb({ plan: () => planInit(options, site), run: (_options, approve) => initSite(options, site, approve) }, flags, context);
}

/** The site that the flags say, with a host key that was accepted. */
async function readSite(flags: Flags, rest: readonly string[], options: InitOptions, context: CommandContext): Promise<NewSite> {
  const { node: name, iip: address, role: roles, depotPort } = flags;
  const site: NewSite = {
    name: flags.clusterName,
    domain: flags.domain,
    depot: { address: flags.address, port: depotPort === undefined ? undefined : parsePort(depotPort) },
    network: { podCIDR: flags.podCidr, serviceCIDR: flags.serviceCidr },
    node: { name, address, roles, ...nodeSsh(flags) },
    typed: typedChoices(flags, rest),
    login: await readLogin(flags, name, context),
  };
  const shown = await tryInitLogin(options, site);
  if (shown === undefined) return site;
  const hostKey = await acceptHostKey(shown, site.node, context);
  return { ...site, node: { ...site.node, ssh: { ...site.node.ssh, hostKey } } };
}

async function supplyOf(flags: Flags, context: CommandContext): Promise<'offline' | OnlineRequest> {
  const { installType, bundle, lock, mirror, ca } = flags;
  const isOffline = installType === 'offline';
  const problem = isOffline
    ? {
        missing: bundle === undefined ? '--bundle' : undefined,
        surplus: lock !== undefined || mirror.length + ca.length > 0 ? '--lock, --mirror or --ca' : undefined,
      }
    : { missing: lock === undefined ? '--lock' : undefined, surplus: bundle === undefined ? undefined : '--bundle' };
  if (problem.surplus !== undefined) {
    throw new CaissonError('USAGE', `Cannot use ${problem.surplus} with --install-type ${installType}`, {
      hint: isOffline
        ? 'Leave them out, or write --install-type online: nothing is fetched offline'
        : 'The lock says what the bundle is: leave it out, or write --install-type offline',
    });
  }
  if (problem.missing !== undefined) {
    throw new CaissonError('USAGE', `Cannot install ${installType} without ${problem.missing}`, {
      hint: isOffline ? 'Name the bundle: --bundle FILE' : 'Name the lock that build-bundle wrote: --lock FILE',
    });
  }
  return supplyOfFlags({ ...flags, offline: isOffline, online: !isOffline }, context);
}

function typedChoices({ option, optionValue }: Flags, rest: readonly string[]): TypedChoices {
  return {
    options: option.map((text) => {
      const [, name = '', choice = ''] = matched('--option', text, /^([^=]+)=(.+)$/s, 'NAME=CHOICE, such as disks=fast');
      return { option: name, choice };
    }),
    values: optionValue.map((text) => {
      const form = 'NAME.VALUE=TEXT, such as logging.server=10.0.0.5';
      const [, name = '', value = '', said = ''] = matched('--option-value', text, /^([^=.]+)\.([^=]+)=(.+)$/s, form);
      return { option: name, value, text: said };
    }),
    flags: readUnknown(rest),
  };
}

function matched(flag: string, text: string, pattern: RegExp, form: string): readonly string[] {
  const found = pattern.exec(text);
  if (found !== null) return found;
  throw new CaissonError('USAGE', `Cannot use "${text}" with ${flag}: it has another form`, { hint: `Write ${form}` });
}

/** Words that are no flags of this command, as flags of the platform: `--FLAG TEXT` or `--FLAG=TEXT`. Throws USAGE for other words. */
function readUnknown(words: readonly string[]): TypedChoices['flags'] {
  const flags: { flag: string; text: string | undefined }[] = [];
  for (let place = 0; place < words.length; place += 1) {
    const word = words[place] ?? '';
    const [, flag, text] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    if (flag === undefined) {
      // The word is not shown: it may be a password that was typed behind a flag which takes none.
      throw new CaissonError('USAGE', 'Cannot use a word of the command line: no flag that takes a text stands before it', {
        hint: 'Write --FLAG TEXT, with a text that has blanks in quotes; a password goes into a file: --root-pass-file FILE',
      });
    }
    const next = words[place + 1];
    const isNext = text === undefined && next !== undefined && !next.startsWith('--');
    flags.push({ flag, text: isNext ? next : text });
    if (isNext) place += 1;
  }
  return flags;
}
