import type { CommandResult } from '../../src/host/index.ts';
import { MANIFESTS } from './sample-install.ts';
import type { SimulatedMachine } from './simulated-machine.ts';

/** The data directory of the store, and of the web servers. */
export const STORE_DATA = '/opt/sample/data';

const image = 'registry.example/store:1';

/** The actions of the store: it is saved into a file, and built from one before it starts. */
const STORE_ACTIONS = `actions:
  - name: save
    summary: save a snapshot of the store
    at: backup
    file: snapshot.db
    owner: '1001:0'
    container: { image: "${image}", mounts: ["\${action.directory}:/backup"], arguments: [save, "\${action.file}"] }
  - name: rebuild
    summary: build the store from its snapshot
    at: restore
    file: snapshot.db
    owner: '1001:0'
    while: stopped
    container: { image: "${image}", mounts: ["\${action.directory}:/backup"], arguments: [rebuild, "\${action.file}"] }
`;

/** The web servers have pages of their own on each host, which are loaded while they run. */
const WEB_ACTIONS = `directories: [{ path: "\${var.root}/pages" }]
actions:
  - { name: dump, summary: dump the pages, at: backup, file: pages.txt, command: [webctl, dump, "\${action.file}"] }
  - { name: load, summary: load the pages, at: restore, file: pages.txt, command: [webctl, load, "\${action.file}"] }
`;

/** The sample platform with backup and restore actions. `store` replaces texts of the manifest of the store. */
export function dataManifests(store: (text: string) => string = (text) => text): Readonly<Record<string, string>> {
  return {
    ...MANIFESTS,
    'components/store/component.yaml': store(`${MANIFESTS['components/store/component.yaml'] ?? ''}${STORE_ACTIONS}`),
    'components/web/component.yaml': `${MANIFESTS['components/web/component.yaml'] ?? ''}${WEB_ACTIONS}`,
  };
}

export interface DataPrograms {
  /** What happened, as `HOST: WORD (running | stopped)`, in order. */
  readonly log: readonly string[];
  /** Words of programs that fail. */
  readonly failing: Set<string>;
}

/** Gives machines the programs that the actions run. Data of a component are one file: state, or pages. */
export function playPrograms(machines: readonly SimulatedMachine[]): DataPrograms {
  const log: string[] = [];
  const failing = new Set<string>();
  const program =
    (unit: string, data: string) =>
    ([word = '', file = '']: readonly string[], machine: SimulatedMachine): Partial<CommandResult> => {
      log.push(`${machine.name}: ${word} (${machine.units.get(unit)?.started === undefined ? 'stopped' : 'running'})`);
      if (failing.has(word)) return { exitCode: 1, stderr: `${word} failed\n` };
      const [from, to] = word === 'save' || word === 'dump' ? [data, file] : [file, data];
      const content = machine.files.get(from)?.content;
      if (content === undefined) return { exitCode: 1, stderr: `${from} is missing\n` };
      machine.write(to, content, 0o600);
      return {};
    };
  for (const machine of machines) {
    machine.programs.set(image, program('store.service', `${STORE_DATA}/state`));
    machine.programs.set('webctl', program('web.service', '/opt/sample/pages/all'));
  }
  return { log, failing };
}
