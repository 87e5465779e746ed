import { join } from 'node:path';
import { formatUnitFile } from '../../host/index.ts';
import { digestOfAll, fixedContent, OWNERS, type Resource } from '../../resources/index.ts';
import { BACKUP_TIMER, BACKUP_UNIT, EXECUTABLE, RENEWAL_TIMER, RENEWAL_UNIT, UNITS } from '../../site/index.ts';
import type { Declared } from '../declared.ts';
import { fileResource } from './make.ts';

/** A timer on the seed, and the service that it starts, as texts of unit files under their names. */
export interface Timer {
  readonly timer: string;
  readonly unit: string;
  readonly texts: Readonly<Record<string, string>>;
}

/** Resources of the timers on the seed by which it makes backups and renews certificates, as cluster.yaml has their schedules. */
export function timerResources({ seed, topology }: Declared): readonly Resource[] {
  const { backup, certificates } = topology.spec;
  const timers = [
    ...(backup?.schedule === undefined ? [] : [backupTimer(backup.schedule, EXECUTABLE)]),
    ...(certificates.renewal === 'never' ? [] : [renewalTimer(certificates.renewal, EXECUTABLE)]),
  ];
  const at = { host: seed.name, owner: OWNERS.seed };
  return timers.flatMap(({ timer, unit, texts }): readonly Resource[] => {
    const [timerPath, unitPath] = [join(UNITS, timer), join(UNITS, unit)];
    return [
      ...Object.entries(texts).map(([name, text]) =>
        fileResource(at, { path: join(UNITS, name), mode: 0o644, content: fixedContent(text) }),
      ),
      { ...at, kind: 'unit', key: timer, digest: digestOfAll([timerPath]), spec: { restartOn: [timerPath, unitPath], reloadOn: [] } },
    ];
  });
}

/** Formats the timer of backups. Its service makes one backup, by the backup section of cluster.yaml of the last run. */
export function backupTimer(schedule: string, executable: string): Timer {
  const service = formatUnitFile({
    description: 'Caisson backup of the site, as cluster.yaml declares it',
    after: ['network.target'],
    type: 'oneshot',
    execStart: { argv: [executable, 'backup'] },
    settings: { PrivateTmp: 'true', NoNewPrivileges: 'true' },
    // The timer starts it. No boot does.
    wantedBy: [],
  });
  const timer = formatTimer('Time of the backups of the site', schedule);
  return { timer: BACKUP_TIMER, unit: BACKUP_UNIT, texts: { [BACKUP_UNIT]: service, [BACKUP_TIMER]: timer } };
}

/** Formats the timer of renewals. Its service renews the certificates that are due, and changes nothing else. */
export function renewalTimer(schedule: string, executable: string): Timer {
  const service = formatUnitFile({
    description: 'Caisson renewal of the certificates that are due',
    after: ['network.target'],
    type: 'oneshot',
    execStart: { argv: [executable, 'certificates', 'renew', '--due', '--yes'] },
    wantedBy: [],
  });
  const timer = formatTimer('Time at which certificates are renewed', schedule);
  return { timer: RENEWAL_TIMER, unit: RENEWAL_UNIT, texts: { [RENEWAL_UNIT]: service, [RENEWAL_TIMER]: timer } };
}

/** Formats a timer. A time that passed while the machine was off is made up for after its start (Persistent). */
function formatTimer(description: string, schedule: string): string {
  return `[Unit]
Description=${description}

[Timer]
OnCalendar=${schedule}
Persistent=true

[Install]
WantedBy=timers.target
`;
}
