import type { SimulatedSite } from './simulated-site.ts';
import type { TlsFiles } from './tls-exchange.ts';

/** A program on a host, by the paths of what it reads. */
export interface Program {
  readonly host: string;
  readonly certificate?: string;
  readonly key?: string;
  readonly authority?: string;
}

/** A client that must reach a server at any time, by a name of the server. */
export interface Way {
  readonly what: string;
  readonly server: Program;
  readonly client: Program;
  readonly name: string;
}

const PKI = '/etc/caisson/pki';
const agentOf = (host: string): Program => ({
  host,
  certificate: `${PKI}/node.crt`,
  key: `${PKI}/node.key`,
  authority: `${PKI}/ca.crt`,
});

/** Every client and server of a site of the vault platform that use certificates. */
export function waysOf(site: SimulatedSite): readonly Way[] {
  const seed = site.seedRoot;
  const operator: Program = {
    host: 'm1',
    certificate: `${seed}${PKI}/operator.crt`,
    key: `${seed}${PKI}/operator.key`,
    authority: `${seed}${PKI}/ca.crt`,
  };
  const depot: Program = { host: 'm1', certificate: `${seed}/etc/caisson/depot/tls.crt`, key: `${seed}/etc/caisson/depot/tls.key` };
  const engineTrust = [...site.machine('f1').files.keys()].find((path) => /certs\.d\/depot\..*ca\.crt$/.test(path)) ?? '';
  const web = '/opt/sample/web';
  const ssl = '/opt/sample/ssl';
  return [
    { what: 'the operator asks the agent of the seed', server: agentOf('m1'), client: operator, name: 'm1' },
    { what: 'the operator asks the agent of another host', server: agentOf('f1'), client: operator, name: 'f1' },
    {
      what: 'an engine pulls from the depot',
      server: depot,
      client: { host: 'f1', authority: engineTrust },
      name: 'depot.sample.internal',
    },
    {
      what: 'packages come from the depot',
      server: depot,
      client: { host: 'f1', authority: `${PKI}/ca.crt` },
      name: 'depot.sample.internal',
    },
    {
      what: 'a client reaches the store',
      server: { host: 'm1', certificate: `${ssl}/tls.crt`, key: `${ssl}/tls.key`, authority: `${ssl}/ca.crt` },
      client: { host: 'f1', certificate: `${web}/tls.crt`, key: `${web}/tls.key`, authority: `${web}/ca.crt` },
      name: 'm1',
    },
  ];
}

/** What a program finds on its host. */
export function filesOf(site: SimulatedSite, { host, ...paths }: Program): TlsFiles {
  const found = Object.entries(paths).map(([what, path]): [string, string] => {
    const text = site.machine(host).text(path);
    if (text === undefined || text === '') throw new Error(`"${host}" has no ${path}`);
    return [what, text];
  });
  return Object.fromEntries(found);
}
