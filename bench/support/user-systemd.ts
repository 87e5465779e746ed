import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { start } from './benchmark.ts';

/** systemd as a user instance in namespaces of its own: a machine that does not run systemd has its real answers, at their real cost. */
export interface UserSystemd {
  /** Directory that it reads units from. */
  readonly units: string;
  /** Directory of the `systemctl` that asks it. */
  readonly programs: string;
  readonly env: Readonly<Record<string, string>>;
  /** Process id of the instance. */
  readonly pid: number;
  /** Words before a command that runs it beside the instance. */
  readonly inside: readonly string[];
  /** How often that `systemctl` was called. */
  calls(): number;
}

/** Where systemd keeps what it runs with; in the namespaces the instance has it for itself. */
const RUN = '/run/systemd';
/** Where the trees of control groups are: one (version 2), or one for each controller and that of systemd (version 1). */
const CONTROL_GROUPS = '/sys/fs/cgroup';
const ABOUT = 'the instance of systemd (it needs root, systemd, unshare and nsenter)';

/**
 * Starts an instance with a file system at `shared`. Needs root, and the packages systemd and util-linux. Everything in it ends with the
 * benchmark. Throws when it does not come up.
 */
export async function startUserSystemd(directory: string, shared: string): Promise<UserSystemd> {
  const [home, runtime, programs] = ['home', 'runtime', 'programs'].map((name) => join(directory, name));
  if (home === undefined || runtime === undefined || programs === undefined) throw new Error('three directories have three names');
  const units = join(home, '.config/systemd/user');
  for (const made of [units, runtime, programs, shared]) mkdirSync(made, { recursive: true, mode: 0o700 });
  const calls = join(programs, 'calls');
  writeFileSync(calls, '');
  const systemctl = execFileSync('sh', ['-c', 'command -v systemctl'], { encoding: 'utf8' }).trim();
  writeFileSync(join(programs, 'systemctl'), `#!/bin/sh\necho >> "${calls}"\nexec ${systemctl} --user "$@"\n`);
  chmodSync(join(programs, 'systemctl'), 0o755);

  const env = { HOME: home, XDG_RUNTIME_DIR: runtime, PATH: `${programs}:${process.env['PATH'] ?? ''}` };
  // systemd takes the control groups that it finds itself in for its own: it moves the processes there, and removes empty groups below,
  // also those of containers. So it gets a group in each tree, and a namespace in which there is nothing above and beside it.
  const group = `caisson-bench-${process.pid}`;
  const enter = `
for tree in ${CONTROL_GROUPS} ${CONTROL_GROUPS}/*; do
  [ -e "$tree/cgroup.procs" ] || continue
  mkdir -p "$tree/${group}" || exit
  # Where processors and memory are shared out, a new group has none.
  for file in cpuset.cpus cpuset.mems; do [ ! -e "$tree/$file" ] || cat "$tree/$file" > "$tree/${group}/$file" || exit; done
  echo $$ > "$tree/${group}/cgroup.procs" || exit
done
exec "$@"`;
  process.on('exit', () => removeGroups(group));
  const script = `
hybrid=; [ -e ${CONTROL_GROUPS}/cgroup.controllers ] || hybrid=1
mount -t tmpfs bench ${CONTROL_GROUPS} || exit
if [ -n "$hybrid" ]; then
  mkdir ${CONTROL_GROUPS}/systemd ${CONTROL_GROUPS}/unified && mount -t cgroup2 bench ${CONTROL_GROUPS}/unified || exit
  mount -t cgroup -o none,name=systemd bench ${CONTROL_GROUPS}/systemd || exit
else
  mount -t cgroup2 bench ${CONTROL_GROUPS} || exit
fi
mount -t tmpfs bench ${RUN} && mkdir ${RUN}/system ${RUN}/units "${runtime}/systemd" "${runtime}/systemd/units" || exit
mount --bind "${runtime}/systemd/units" ${RUN}/units && mount -t tmpfs bench "${shared}" || exit
/lib/systemd/systemd --user --log-target=null &
wait`;
  const unshare = [
    'sh',
    '-c',
    enter,
    'sh',
    'unshare',
    '--cgroup',
    '--mount',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
    'sh',
    '-c',
    script,
  ];
  const child = start(unshare, { stdio: ['ignore', 'ignore', 'inherit'], env });
  // Before it becomes unshare, the shell has children of other programs.
  const shell = await appearing(ABOUT, () => (nameOf(child.pid) === 'unshare' ? childrenOf(child.pid)[0] : undefined));
  const pid = await appearing(ABOUT, () => childrenOf(shell).find((one) => nameOf(one) === 'systemd'));
  const inside = ['nsenter', '--mount', '--pid', `--target=${shell}`];
  await appearing(ABOUT, () => {
    const [program = '', ...words] = [...inside, systemctl, '--user', 'is-system-running'];
    return answer(program, words, env) === 'running' ? true : undefined;
  });
  return { units, programs, env, pid, inside, calls: () => statSync(calls).size };
}

/** Removes the groups of this name, with those in them, once their processes have ended. */
function removeGroups(group: string): void {
  const script = `
for tree in ${CONTROL_GROUPS} ${CONTROL_GROUPS}/*; do
  [ -d "$tree/$1" ] || continue
  for turn in $(seq 50); do
    find "$tree/$1" -depth -type d -exec rmdir {} + 2> /dev/null && break
    sleep 0.1
  done
done`;
  execFileSync('sh', ['-c', script, 'sh', group], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** The first value that is there, of looks every 50 ms. Throws after a minute, with the name of what was looked for. */
export async function appearing<T>(about: string, look: () => T | undefined): Promise<T> {
  for (let turn = 0; turn < 1200; turn += 1) {
    const found = look();
    if (found !== undefined) return found;
    await delay(50);
  }
  throw new Error(`${about} does not come up`);
}

/** Process ids of the children of a process. */
export function childrenOf(pid: number | undefined): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  } catch {
    return [];
  }
}

function nameOf(pid: number | undefined): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}

function answer(program: string, words: readonly string[], env: Readonly<Record<string, string>>): string {
  try {
    return execFileSync(program, words, { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
}
