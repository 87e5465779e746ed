import { messageOf } from '../../core/index.ts';
import { readRemoteFile, readServiceLog, shellScript, type Host } from '../../host/index.ts';
import { EXECUTABLE, HOST_RECORD, type SiteRecord } from '../../site/index.ts';
import { unitsOf } from '../logs.ts';

/** A text of the archive, by its path there. */
export interface ReportFile {
  readonly path: string;
  readonly text: string;
}

/** The texts of one host, and what of them could not be read. */
export interface HostReport {
  readonly files: readonly ReportFile[];
  readonly failures: readonly { readonly path: string; readonly reason: string }[];
}

/** Prints what the system of a host says of itself. A program that is not there, hangs or fails says so in its part. */
export const SYSTEM_SCRIPT = `show() { printf '\\n== %s\\n' "$*"; timeout 10 "$@" 2>&1 || printf '(status %s)\\n' "$?"; }
show date -u
show uptime
show uname -a
show cat /etc/os-release
show free -m
show df -hT
show df -i
show cat /proc/mounts
show ip address
show ip route
show ss -lntup
show cat /etc/hosts
show cat /etc/resolv.conf
show timedatectl
show systemctl --no-pager --failed
show systemctl --no-pager list-units --all
show ps -eo pid,ppid,user,rss,etime,stat,comm
show dmesg --level emerg,alert,crit,err,warn
exit 0
`;

/** Parameter: a unit. Prints its state and its files. */
export const UNIT_SCRIPT = `systemctl --no-pager --full --lines 0 status "$1" 2>&1
printf '\\n'
systemctl --no-pager cat "$1" 2>&1
exit 0
`;

/** Messages of each unit. */
const LOG_LINES = 1_000;

/**
 * Reads the report of a host: its system, its agent's status and its part of the record, and of each component the
 * definitions, the units and their last messages. Throws nothing but the reason of the signal: a part that cannot be read is a
 * failure in the report.
 */
export async function reportOfHost(host: Host, record: SiteRecord, signal: AbortSignal): Promise<HostReport> {
  const files: ReportFile[] = [];
  const failures: { path: string; reason: string }[] = [];
  const add = async (path: string, read: () => Promise<string | undefined>): Promise<void> => {
    try {
      const text = await read();
      if (text !== undefined) files.push({ path, text });
    } catch (error) {
      signal.throwIfAborted();
      failures.push({ path, reason: messageOf(error) });
    }
  };
  const printed = async (argv: readonly string[]): Promise<string> => (await host.run({ argv }, { signal })).stdout;

  await add('system.txt', () => printed(shellScript(SYSTEM_SCRIPT)));
  await add('agent.json', () => printed([EXECUTABLE, 'agent', 'status', '--json']));
  await add('site.json', () => readRemoteFile(host, HOST_RECORD, { signal }));
  const definitions = (record.hosts[host.name]?.owned ?? []).filter(({ kind }) => kind === 'definition');
  for (const { key } of definitions) await add(`definitions${key}`, () => readRemoteFile(host, key, { signal }));
  for (const component of ['agent', ...(host.name === record.seed ? ['depot'] : []), ...new Set(definitions.map(({ owner }) => owner))]) {
    let units: readonly string[] = [];
    await add(`components/${component}`, async () => {
      units = await unitsOf(component, host, record, signal);
      return undefined;
    });
    for (const unit of units) {
      await add(`components/${component}/${unit}.txt`, () => printed(shellScript(UNIT_SCRIPT, [unit])));
      await add(`components/${component}/${unit}.log`, async () => {
        const entries = await readServiceLog(host, { units: [unit], lines: LOG_LINES }, signal);
        return entries.map(({ time, severity, message }) => `${time} <${severity}> ${message}\n`).join('');
      });
    }
  }
  return { files, failures };
}
