import { join } from 'node:path';
import { HARD_IMAGES, hardManifests, hardSite, type HardSite } from './hard-cases.ts';
import { writeSampleBundle, type SampleNode } from './sample-install.ts';
import type { SimulatedSite } from './simulated-site.ts';

/** Two nodes may have the database and the control. */
export const MOVABLE_NODES: readonly SampleNode[] = [
  { name: 'n1', address: '10.0.0.11', roles: ['front'] },
  { name: 'n2', address: '10.0.0.12', roles: ['data', 'control'] },
  { name: 'n3', address: '10.0.0.13', roles: ['data', 'control'] },
];

/** A file of the database. */
export const ROWS = '/opt/sample/db/rows';

/** Writes a bundle whose database has data, and whose control, which runs on one node, has none. The application names the host of the database. */
export function writeMovableBundle(directory: string): Promise<string> {
  const texts = hardManifests();
  const control = (texts['components/control/component.yaml'] ?? '').replace('needs:', 'placement: one\nneeds:');
  const manifests = {
    ...texts,
    'components/control/component.yaml': control,
    'components/app/app.conf': 'tables=${first.db.address}\n',
  };
  return writeSampleBundle(join(directory, 'move.tar'), { manifests, images: HARD_IMAGES });
}

/** Installs the nodes. The database has rows on n2. */
export async function movableSite(own: string, bundle: string): Promise<HardSite> {
  const site = await hardSite(own, bundle, MOVABLE_NODES);
  await site.run();
  site.machine('n2').write(ROWS, 'rows of years', 0o600);
  site.takeRestarts();
  site.platform.takeLog();
  return site;
}

/** Names of the machines on which a service runs. */
export function runsOn(site: SimulatedSite, service: string): readonly string[] {
  return site.machines.filter(({ units }) => units.get(`${service}.service`)?.started !== undefined).map(({ name }) => name);
}
