import { formatUnitFile, type ExecLine } from '../host/index.ts';
import { hasUnit, type ServiceDefinition } from './service-definition.ts';

const UNIT_COMMENT = 'Written by caisson agent. Changes are overwritten: edit the definition.';

/** First line of each unit that the agent writes. The agent changes and removes only files that start with it, and those that it remembers. */
export const UNIT_MARK = `# ${UNIT_COMMENT}`;

/** Lists of values for `${NAME}` in commands, by NAME. */
export type InjectedValues = Readonly<Record<string, readonly string[]>>;

/**
 * Returns the text of the systemd unit of a definition (systemd.unit(5), systemd.service(5)). Commands run below bash;
 * their quotes, percent signs and dollar signs reach bash unchanged. Throws a plain Error for a definition without a
 * unit.
 */
export function unitFromDefinition(definition: ServiceDefinition, values: InjectedValues): string {
  if (!hasUnit(definition)) throw new Error(`"${definition.name}" has no unit`);
  const { preStart, start, stop, restartPolicy, restartSec } = definition;
  const oneshot = definition.type === 'oneshot';
  const command = (text: string): ExecLine => ({ argv: ['/bin/bash', '-c', injectValues(text, values)] });
  return formatUnitFile({
    comment: UNIT_COMMENT,
    description: definition.name,
    after: definition.after.map(wholeUnitName),
    requires: definition.requires.map(wholeUnitName),
    // systemd never stops restarting such a service, however often it fails; RestartSec sets the pause between
    // restarts.
    ...(restartPolicy === undefined || restartPolicy === 'no' ? {} : { startLimitIntervalSec: 0 }),
    type: oneshot ? 'oneshot' : 'simple',
    ...(oneshot ? { remainAfterExit: true } : {}),
    execStartPre: preStart === '' ? [] : [{ ...command(preStart), ignoreFailure: true }],
    execStart: command(start),
    ...(stop === '' ? {} : { execStop: command(stop) }),
    ...(restartPolicy === undefined ? {} : { restart: restartPolicy }),
    ...(restartSec === undefined ? {} : { restartSec }),
    // Such programs hold many connections and files for the processes that they leave, and put these into groups of their own.
    ...(definition.keepChildren === true ? { killMode: 'process' as const, settings: { Delegate: 'yes' } } : {}),
  });
}

const REFERENCE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?:\|([^}\s]))?\}/g;

/**
 * Replaces `${NAME}` by the values of NAME joined with a comma, and `${NAME|x}` by the values joined with the character
 * x. A name without values is not replaced, because it may be a variable of the shell.
 */
export function injectValues(text: string, values: InjectedValues): string {
  return text.replace(REFERENCE, (whole, name: string, separator: string | undefined) => {
    const list = Object.hasOwn(values, name) ? values[name] : undefined;
    return list === undefined ? whole : list.join(separator ?? ',');
  });
}

/** The whole name of a unit, with `.service` where it was left out. */
export function wholeUnitName(unit: string): string {
  return unit.includes('.') ? unit : `${unit}.service`;
}
