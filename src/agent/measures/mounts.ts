/** A mounted file system, as /proc/self/mountinfo has it. */
export interface Mount {
  readonly point: string;
  /** True when another machine, or a program of this one, answers for it. Calls for it may wait for ever. */
  readonly isRemote: boolean;
}

/** File systems without a block device for which the kernel of this machine answers. */
const LOCAL_TYPES = new Set(['aufs', 'bcachefs', 'btrfs', 'devtmpfs', 'overlay', 'proc', 'ramfs', 'sysfs', 'tmpfs', 'zfs']);
/** Major number of the devices of file systems without a block device. */
const ANONYMOUS = '0';

/**
 * Reads the text of /proc/self/mountinfo (proc_pid_mountinfo(5)). Of several file systems that are mounted on one directory
 * the last one counts, which covers the others. Lines of another form are left out.
 */
export function parseMounts(text: string): readonly Mount[] {
  const mounts = new Map<string, Mount>();
  for (const line of text.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const [, , device = '', , point] = before.split(' ');
    const [type] = after.split(' ');
    if (point === undefined || type === undefined || type === '') continue;
    const path = unescape(point);
    const [major] = device.split(':');
    mounts.set(path, { point: path, isRemote: major === ANONYMOUS && !LOCAL_TYPES.has(type) });
  }
  return [...mounts.values()];
}

/** The file system that a path lies on: the one with the longest mount point above it. Links are not followed. */
export function mountOf(path: string, mounts: readonly Mount[]): Mount | undefined {
  let found: Mount | undefined;
  for (const mount of mounts) {
    const isAbove = mount.point === '/' || path === mount.point || path.startsWith(`${mount.point}/`);
    if (isAbove && mount.point.length >= (found?.point.length ?? 0)) found = mount;
  }
  return found;
}

/** The kernel writes space, tab, newline and backslash as a backslash and three octal digits. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
