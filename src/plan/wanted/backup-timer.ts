import { join } from 'node:path';
import { formatUnitFile } from '../../host/index.ts';
import { digestOfAll, fixedContent, OWNERS, type Resource } from '../../resources/index.ts';
import { BACKUP_TIMER, BACKUP_UNIT, EXECUTABLE, UNITS } from '../../site/index.ts';
import type { Declared } from '../declared.ts';
import { fileResource } from './make.ts';

const TIMER_PATH = join(UNITS, BACKUP_TIMER);
const SERVICE_PATH = join(UNITS, BACKUP_UNIT);

/** The timer on the seed by which backups are made, and the service that it starts. None without a schedule in cluster.yaml. */
export function backupTimerResources({ seed, topology }: Declared): readonly Resource[] {
  const schedule = topology.spec.backup?.schedule;
  if (schedule === undefined) return [];
  const at = { host: seed.name, owner: OWNERS.seed };
  return [
    fileResource(at, { path: SERVICE_PATH, mode: 0o644, content: fixedContent(backupUnit(EXECUTABLE)) }),
    fileResource(at, { path: TIMER_PATH, mode: 0o644, content: fixedContent(backupTimer(schedule)) }),
    {
      ...at,
      kind: 'unit',
      key: BACKUP_TIMER,
      digest: digestOfAll([TIMER_PATH]),
      spec: { restartOn: [TIMER_PATH, SERVICE_PATH], reloadOn: [] },
    },
  ];
}

/** Formats caisson-backup.service: one backup, by the backup section of cluster.yaml of the last run. */
export function backupUnit(executable: string): string {
  return formatUnitFile({
    description: 'Caisson backup of the site, as cluster.yaml declares it',
    after: ['network.target'],
    type: 'oneshot',
    execStart: { argv: [executable, 'backup'] },
    settings: { PrivateTmp: 'true', NoNewPrivileges: 'true' },
    // The timer starts it. No boot does.
    wantedBy: [],
  });
}

/** Formats the timer. A backup whose time passed while the machine was off is made after its start (Persistent). */
export function backupTimer(schedule: string): string {
  return `[Unit]
Description=Time of the backups of the site

[Timer]
OnCalendar=${schedule}
Persistent=true

[Install]
WantedBy=timers.target
`;
}
