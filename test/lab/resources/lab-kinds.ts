import { dirname } from 'node:path';
import { type Host } from '../../../src/host/index.ts';
import { connectHost } from '../../../src/ssh/index.ts';
import type { ResourceKindName, Specs } from '../../../src/resources/index.ts';
import { KINDS } from '../../../src/resources/kinds.ts';
import { describeResourceKind, type ContractOptions, type KindUnderTest } from '../../contract/resource-kind.ts';
import { relocatedHost } from '../../support/relocated-host.ts';
import { KIND_CONTEXT } from '../../support/kind-context.ts';
import { Installer } from '../../support/simulated-machine.ts';
import type { Lab } from '../hosts.ts';

interface WantedExample<Spec> {
  readonly key: string;
  readonly spec: Spec;
}

/** A resource with which a kind is tested on a host of the lab. What is done and asked beside the kind are bash scripts, run as root. */
export interface LabExample<Spec> {
  /** What makes this example differ from others of its kind. */
  readonly what: string;
  readonly wanted: WantedExample<Spec> | (() => WantedExample<Spec>);
  readonly initially?: 'different';
  /** Brings the host from whatever state to that before the test, without the product. */
  readonly reset: string;
  readonly change: string;
  readonly neighbour: string;
  readonly foreign?: string;
  /** Folders whose whole content counts; by default those of a host that has nothing of Caisson. */
  readonly folders?: readonly string[];
  /** Units whose state counts. */
  readonly units?: readonly string[];
  /** Prints what else counts on the host. */
  readonly state?: string;
}

const STATE = '/var/lib/caisson';
const FOLDERS = ['/etc/systemd/system', '/etc/sysctl.d', '/etc/modules-load.d', STATE];

/** Parameters: `times` or nothing, folders, --, units. Prints what lasts on the host; with times, also when each was written or started. */
const STATE_SCRIPT = `set -u
times=$1; shift
while [ "$1" != -- ]; do
  folder=$1; shift
  [ -d "$folder" ] || continue
  find "$folder" -printf "%p %y %m %U:%G %l\${times:+ %i %C@}\\n" | sort
  find "$folder" -type f -exec sha256sum {} + | sort -k 2
done
shift
for unit do
  systemctl show --property=Id,LoadState,ActiveState,UnitFileState\${times:+,InvocationID,StateChangeTimestampMonotonic} -- "$unit"
done
`;

/** Logs in as the user of the site, who needs sudo. */
export async function connectToLab(lab: Lab, node: string): Promise<Host> {
  const { name, address } = lab.node(node);
  const directory = dirname(lab.identityFile);
  const login = { user: 'site', identityFile: lab.identityFile, knownHosts: lab.knownHostsFile, agent: false };
  return connectHost({ name, address }, login, { directory, home: directory });
}

/** Tests the contract of a kind on a host of the lab: of its first example, or with kills at every command of all of them. */
export function describeOnLab<K extends ResourceKindName>(
  name: K,
  getHost: () => Host,
  examples: readonly LabExample<Specs[K]>[],
  options: ContractOptions = {},
): void {
  for (const example of options.kills === false ? examples.slice(0, 1) : examples)
    describeResourceKind(`${name} (${example.what}) on a host of the lab`, () => underTest(name, getHost(), example), options);
}

async function underTest<K extends ResourceKindName>(name: K, host: Host, example: LabExample<Specs[K]>): Promise<KindUnderTest<Specs[K]>> {
  const { wanted, initially, folders = FOLDERS, units = [], state = '', foreign } = example;
  const bash = async (script: string, ...parameters: readonly string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await host.run({ argv: ['bash', '-c', script, 'bash', ...parameters] });
    if (exitCode !== 0) throw new Error(`A script of the test ended with status ${exitCode}: ${stderr}\n${script}`);
    return stdout;
  };
  const lasting = (times: string): Promise<string> => bash(`${STATE_SCRIPT}\n${state}`, times, ...folders, '--', ...units);
  await bash(`${folders.includes(STATE) ? `rm -rf ${STATE}; mkdir -m 0700 ${STATE}` : ''}\n${example.reset}`);
  const installer = new Installer();
  const watched = relocatedHost(host, { places: {}, installer });
  return {
    kind: KINDS[name],
    host: watched,
    installer,
    context: KIND_CONTEXT,
    wanted: typeof wanted === 'function' ? wanted() : wanted,
    ...(initially === undefined ? {} : { initially }),
    lines: watched.lines,
    state: () => lasting(''),
    writes: () => lasting('times'),
    change: async () => void (await bash(`set -e\n${example.change}`)),
    neighbour: async () => void (await bash(`set -e\n${example.neighbour}`)),
    foreign: foreign === undefined ? undefined : async () => void (await bash(`set -e\n${foreign}`)),
  };
}
