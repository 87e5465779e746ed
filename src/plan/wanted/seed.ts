import { join } from 'node:path';
import { OPERATORS } from '../../core/index.ts';
import { digestOfAll, fixedContent, OWNERS, type Resource, type ResourceOf } from '../../resources/index.ts';
import {
  DEPOT_UNIT,
  depotTlsPaths,
  EXECUTABLE,
  operatorPaths,
  repositoryKeyPaths,
  SITE_AUTHORITY,
  UNITS,
  upstreamSettingsPath,
} from '../../site/index.ts';
import type { Declared, DepotAddress } from '../declared.ts';
import { timerResources } from './timers.ts';
import { depotUnit } from './depot-unit.ts';
import { executableResources } from './executable.ts';
import { certificateResource, fileResource } from './make.ts';

const UNIT_PATH = join(UNITS, DEPOT_UNIT);

/** Resources that only the seed has: bundles, executable, certificates, the unit of the depot, and its timers. */
export async function seedResources(declared: Declared): Promise<readonly Resource[]> {
  const { seed, supply } = declared;
  const at = { host: seed.name, owner: OWNERS.seed };
  const bundles = supply.staged.map(({ path, digest, of, isPlaced, place }): ResourceOf<'bundle'> => ({
    ...at,
    kind: 'bundle',
    key: path,
    digest,
    spec: { digest, of, isPlaced, place },
  }));
  const depot = await depotFiles(declared);
  const unit: Resource = {
    ...at,
    kind: 'unit',
    key: DEPOT_UNIT,
    digest: digestOfAll([UNIT_PATH]),
    spec: {
      restartOn: [
        UNIT_PATH,
        EXECUTABLE,
        depot.certificatePath,
        repositoryKeyPaths(seed.layout).privateKey,
        ...(supply.online === undefined ? [] : [upstreamSettingsPath(seed.layout)]),
      ],
      reloadOn: [],
    },
  };
  return [
    ...bundles,
    ...executableResources(declared, seed.name, 'bundle'),
    ...depot.resources,
    fileResource(at, { path: UNIT_PATH, mode: 0o644, content: fixedContent(depot.unit) }),
    unit,
    ...timerResources(declared),
  ];
}

/** Certificates of the depot and the operators, and the text of the depot's unit. */
async function depotFiles(declared: Declared) {
  const { seed, supply } = declared;
  const { layout, keys } = seed;
  const at = { host: seed.name, owner: OWNERS.seed };
  const authority = await keys.authority(SITE_AUTHORITY);
  const depot = await keys.certificate('depot', SITE_AUTHORITY, {
    commonName: supply.depot.name,
    dnsNames: [supply.depot.name],
    addresses: [supply.depot.address, '127.0.0.1'],
    usages: 'server',
  });
  const operator = await keys.certificate('operator', SITE_AUTHORITY, {
    commonName: 'operator',
    organizations: [OPERATORS],
    dnsNames: [],
    addresses: [],
    usages: 'client',
  });
  const tls = depotTlsPaths(layout);
  const upstream = upstreamSettingsPath(layout);
  const operatorFiles = operatorPaths(layout);
  return {
    certificatePath: tls.certificate,
    resources: [
      fileResource(at, { path: operatorFiles.authority, mode: 0o644, content: authority }),
      certificateResource(at, 'operator', [
        { path: operatorFiles.certificate, mode: 0o600, content: operator.certificate },
        { path: operatorFiles.key, mode: 0o600, content: operator.key },
      ]),
      ...(supply.online === undefined
        ? []
        : [fileResource(at, { path: upstream, mode: 0o600, content: fixedContent(supply.online.upstream) })]),
      certificateResource(at, 'depot', [
        { path: tls.certificate, mode: 0o644, content: depot.certificate },
        { path: tls.key, mode: 0o600, content: depot.key },
      ]),
    ],
    unit: depotUnit({
      executable: EXECUTABLE,
      bundles: supply.staged.filter(({ isServed }) => isServed).map(({ path }) => path),
      listen: listenAddress(supply.depot),
      certificate: tls.certificate,
      key: tls.key,
      repositoryKey: repositoryKeyPaths(layout).privateKey,
      online: supply.online === undefined ? undefined : { upstream, directory: layout.bundles },
    }),
  };
}

/** Listens on all addresses of one family, because nodes use the seed's address and the installer uses loopback. */
function listenAddress({ address, port }: DepotAddress): string {
  return address.includes(':') ? `[::]:${port}` : `0.0.0.0:${port}`;
}
