import { quoteCommand, type Command, type Host } from '../../src/host/index.ts';
import type { Installer } from './simulated-machine.ts';

export interface RelocatedHost extends Host {
  /** All command lines, as the caller passed them. */
  readonly lines: readonly string[];
}

export interface RelocationOptions {
  /** Replacement on the host for each path of the product. */
  readonly places: Readonly<Record<string, string>>;
  readonly installer: Installer;
  /** Words in front of every command, such as a command that gives it its own namespace. */
  readonly prefix?: readonly string[];
  /** A directory that is searched for programs before those of the host. */
  readonly programs?: string;
}

/**
 * A real host on which fixed paths of the product, such as /var/lib/caisson, are replaced by others: in scripts and
 * their parameters and environment, and back in their output. The installer can be killed before or after a command.
 */
export function relocatedHost(host: Host, { places, installer, prefix = [], programs }: RelocationOptions): RelocatedHost {
  const lines: string[] = [];
  const to = (text: string): string => Object.entries(places).reduce((one, [from, other]) => one.replaceAll(from, other), text);
  const back = (text: string): string => Object.entries(places).reduce((one, [from, other]) => one.replaceAll(other, from), text);
  const env = programs === undefined ? {} : { PATH: `${programs}:${process.env.PATH ?? ''}` };
  const moved = (command: Command): Command => ({
    ...command,
    argv: [...prefix, ...command.argv].map(to),
    env: { ...env, ...Object.fromEntries(Object.entries(command.env ?? {}).map(([name, value]) => [name, to(value)])) },
  });

  async function obey<T>(work: () => Promise<T>): Promise<T> {
    if (installer.dead) throw new Error('the installer is dead');
    installer.commands += 1;
    if (installer.dead && installer.death?.carriedOut !== true) throw new Error('the installer was killed');
    const result = await work();
    if (installer.dead) throw new Error('the installer was killed');
    return result;
  }

  return {
    name: host.name,
    address: host.address,
    local: host.local,
    lines,
    run: (command, options) =>
      obey(async () => {
        lines.push(quoteCommand(command.argv));
        const result = await host.run(moved(command), options);
        return { ...result, stdout: back(result.stdout), stderr: back(result.stderr) };
      }),
    upload: (source, path, options) => obey(() => host.upload(source, to(path), options)),
    close: () => host.close(),
  };
}
