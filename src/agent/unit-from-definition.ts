import { formatExecLine } from '../host/index.ts';
import { hasUnit, type ServiceDefinition } from './service-definition.ts';

/** What a unit of ours begins with: only such files are ever changed or removed. */
export const UNIT_MARK = '# Written by caisson agent. Changes are overwritten: edit the definition.';

/** Lists by name, for `${NAME}` in commands. */
export type InjectedValues = Readonly<Record<string, readonly string[]>>;

/**
 * The text of the systemd unit of a definition (systemd.unit(5), systemd.service(5)). Commands run below bash; their
 * quotes, percent signs and dollars reach it as they were written.
 */
export function unitFromDefinition(definition: ServiceDefinition, values: InjectedValues): string {
  if (!hasUnit(definition)) throw new Error(`"${definition.name}" has no unit`);
  const command = (text: string, ignoreFailure = false): string =>
    formatExecLine({ argv: ['/bin/bash', '-c', injectValues(text, values)], ignoreFailure });
  const restarts = definition.restartPolicy !== undefined && definition.restartPolicy !== 'no';
  const lines = [
    UNIT_MARK,
    '[Unit]',
    `Description=${definition.name}`,
    ...definition.after.map((unit) => `After=${withSuffix(unit)}`),
    ...definition.requires.map((unit) => `Requires=${withSuffix(unit)}`),
    // A service that shall be restarted is never given up, however fast it fails; RestartSec keeps the pace.
    ...(restarts ? ['StartLimitIntervalSec=0'] : []),
    '',
    '[Service]',
    ...(definition.type === 'oneshot' ? ['Type=oneshot', 'RemainAfterExit=yes'] : ['Type=simple']),
    ...(definition.preStart === '' ? [] : [`ExecStartPre=${command(definition.preStart, true)}`]),
    `ExecStart=${command(definition.start)}`,
    ...(definition.stop === '' ? [] : [`ExecStop=${command(definition.stop)}`]),
    ...(definition.restartPolicy === undefined ? [] : [`Restart=${definition.restartPolicy}`]),
    ...(definition.restartSec === undefined ? [] : [`RestartSec=${definition.restartSec}`]),
    '',
    '[Install]',
    'WantedBy=multi-user.target',
  ];
  return `${lines.join('\n')}\n`;
}

const REFERENCE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?:\|([^}\s]))?\}/g;

/**
 * Replaces `${NAME}` by the values of NAME joined with a comma, `${NAME|x}` by the same joined with the character x. A
 * name that is not given stays as it is: it may be a variable of the shell.
 */
export function injectValues(text: string, values: InjectedValues): string {
  return text.replace(REFERENCE, (whole, name: string, separator: string | undefined) => {
    const list = Object.hasOwn(values, name) ? values[name] : undefined;
    return list === undefined ? whole : list.join(separator ?? ',');
  });
}

function withSuffix(unit: string): string {
  return unit.includes('.') ? unit : `${unit}.service`;
}
