import { readFileSync } from 'node:fs';

/** Linux capabilities by number (capabilities(7)), up to the last one that Docker 20.10 knows. */
const CAPABILITIES = (
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST ' +
  'NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE ' +
  'SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM ' +
  'BLOCK_SUSPEND AUDIT_READ'
).split(' ');

/**
 * What a node does not get although this machine has it: setting the clock, loading modules and
 * holding off sleep would reach the outer machine.
 */
const KEPT_BACK = new Set(['SYS_TIME', 'SYS_MODULE', 'WAKE_ALARM', 'BLOCK_SUSPEND']);

/**
 * The capabilities a node gets: those of this machine's bounding set. `--privileged` would ask for all and fail where one is
 * missing.
 */
export function heldCapabilities(status = readFileSync('/proc/self/status', 'utf8')): string[] {
  const bits = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return CAPABILITIES.filter((name, number) => (bits & (1n << BigInt(number))) !== 0n && !KEPT_BACK.has(name));
}
