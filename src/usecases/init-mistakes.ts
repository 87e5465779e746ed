import { readTopology, type FlagProblem, type InitChoices } from '../cluster/index.ts';
import { CaissonError, InvalidInputError } from '../core/index.ts';
import { isOwnAddress } from '../ssh/index.ts';
import { isAddress, type Manifests } from '../manifests/index.ts';
import { REAL_MACHINES } from '../site/index.ts';
import type { InitOptions, NewSite } from './new-site.ts';

/** The seed must be the node, or say by which address nodes reach it. */
export function unreached({ machines = REAL_MACHINES }: InitOptions, { node, depot, login }: NewSite): readonly FlagProblem[] {
  if (!isAddress(node.address)) return [];
  const isOwn = (machines.isOwnAddress ?? isOwnAddress)(node.address);
  if (isOwn && login !== undefined) {
    const reason = `${node.address} is an address of this machine, which needs no login`;
    return [{ flag: '--iip', reason, remedy: 'leave the password and the key out' }];
  }
  if (isOwn || depot.address !== undefined) return [];
  const reason = `${node.address} is no address of this machine, and nothing says by which address the node reaches this one`;
  return [{ flag: '--iip', reason, remedy: 'run the command on that machine, or add --address with an address of this one' }];
}

/** Flags by the paths of cluster.yaml that they write. The first path that fits counts. */
const FLAG_OF: readonly (readonly [string, string])[] = [
  ['name', '--cluster-name'],
  ['domain', '--domain'],
  ['depot.address', '--address'],
  ['depot.port', '--depot-port'],
  ['network.podCIDR', '--pod-cidr'],
  ['network.serviceCIDR', '--service-cidr'],
  ['nodes[0].name', '--node'],
  ['nodes[0].address', '--iip'],
  ['nodes[0].ssh.user', '--ssh-user'],
  ['nodes[0].ssh.port', '--ssh-port'],
  ['nodes[0].ssh.hostKey', '--host-key'],
  ['nodes', '--role'],
];

/** Mistakes of the text that flags made, as mistakes of these flags. */
export function mistakesIn(text: string, path: string, manifests: Manifests, choices: InitChoices): readonly FlagProblem[] {
  try {
    readTopology(text, path, manifests);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    return error.problems.map((problem) => ({ ...problem, flag: flagOf(problem.path ?? '', choices) }));
  }
}

function flagOf(path: string, { saidBy }: InitChoices): string {
  const option = /^options\.([^.[]+)(?:\.([^.[]+))?/.exec(path);
  if (option !== null) {
    const [, name = '', value = ''] = option;
    return saidBy.get(`${name}.${value}`) ?? saidBy.get(name) ?? '--option';
  }
  return FLAG_OF.find(([start]) => path.startsWith(start))?.[1] ?? path;
}

/** Throws USAGE with every mistake, where there is one. The hint names the flags of the platform. */
export function refuseMistakes(problems: readonly FlagProblem[], { init }: Manifests['platform']): void {
  if (problems.length === 0) return;
  const flags = Object.keys(init?.flags ?? {});
  const lines = problems.map(({ flag, reason, remedy }) => `  ${flag}: ${reason}${remedy === undefined ? '' : ` (${remedy})`}`);
  throw new CaissonError('USAGE', `Cannot make a cluster.yaml from these flags:\n${[...new Set(lines)].join('\n')}`, {
    hint: `Nothing was written. "caisson help init" lists the flags; ${flags.length === 0 ? 'the platform has none of its own' : `the platform has also --${flags.join(', --')}`}`,
  });
}
