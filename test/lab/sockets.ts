import { readFileSync } from 'node:fs';

export interface Listener {
  /** The local address as the kernel writes it: hexadecimal, in the machine's byte order. `0100007F` is 127.0.0.1. */
  readonly address: string;
  readonly port: number;
}

/** Every TCP socket in state LISTEN on this machine, IPv4 and IPv6 (proc(5), /proc/net/tcp). */
export function listeners(): Listener[] {
  return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => {
    const lines = readFileSync(file, 'utf8').split('\n').slice(1);
    return lines.flatMap((line) => {
      const match = /^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ 0A /.exec(line);
      return match === null ? [] : [{ address: match[1] ?? '', port: Number.parseInt(match[2] ?? '', 16) }];
    });
  });
}

/** True when something listens at the port and every socket of it is bound to 127.0.0.1 or ::1. */
export function listensOnLoopbackOnly(port: number): boolean {
  const loopback = new Set(['0100007F', '00000000000000000000000001000000']);
  const bound = listeners().filter((listener) => listener.port === port);
  return bound.length > 0 && bound.every((listener) => loopback.has(listener.address));
}
