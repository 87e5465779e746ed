import { changeOption, initSite, type InitOptions, type NewSite } from '../../../src/usecases/index.ts';
import { FIRST_ADDRESS, initSiteOf } from '../init-site.ts';
import { lockMachine } from '../locked-machine.ts';
import { optionSite } from '../option-site.ts';
import { yes, type KilledOperation } from './killed-operation.ts';

const PASSWORD = 'correct horse battery';
const SEED_ADDRESS = '10.0.0.99';

/** The first machine is the one of the operator. */
const initHere: KilledOperation = {
  name: 'init',
  ready: async (own, bundles) => {
    const { site, depotPort } = await initSiteOf(own, await bundles('init'));
    const said = saidOf({ name: 'node1', address: FIRST_ADDRESS }, { port: depotPort, address: undefined });
    const run = (): Promise<{ readonly changed: number }> => initSite(site.options, said, yes);
    return { site, run, again: run };
  },
};

/** The first machine is another one, which lets deploy in by a password that is used once. */
const initByPassword: KilledOperation = {
  name: 'init by a password',
  ready: async (own, bundles) => {
    const { site, depotPort } = await initSiteOf(own, await bundles('init'), { beside: SEED_ADDRESS });
    const node = { name: 'node1', address: FIRST_ADDRESS, ssh: { user: 'deploy' } };
    const said = { ...saidOf(node, { port: depotPort, address: SEED_ADDRESS }), login: { password: PASSWORD } };
    const machines = lockMachine(site, { name: 'node1', user: 'deploy', takes: ({ password }) => password === PASSWORD });
    const options: InitOptions = { ...site.options, machines };
    return { site, run: () => initSite(options, said, yes), again: () => initSite(options, { ...said, login: undefined }, yes) };
  },
};

function saidOf(node: NewSite['node'], depot: NewSite['depot']): NewSite {
  return { node, depot, network: {}, typed: { options: [], values: [], flags: [] } };
}

/** The domain is a choice like others, with a place of its own in cluster.yaml. */
function ofChoice(name: string, option: string, choice: string, values: Readonly<Record<string, string>> = {}): KilledOperation {
  return {
    name,
    ready: async (own, bundles) => {
      const site = await optionSite(own, await bundles('init'));
      const options = { ...site.options, bundlePaths: undefined, clusterPath: undefined };
      return { site, run: () => changeOption(options, { name: option, choice, values }, yes), again: () => site.install() };
    },
  };
}

export const OF_CHOICES: readonly KilledOperation[] = [
  initHere,
  initByPassword,
  ofChoice('change of an option', 'logging', 'remote', { server: 'logs.example' }),
  ofChoice('change of the domain', 'domain', 'apps.example.org'),
];
