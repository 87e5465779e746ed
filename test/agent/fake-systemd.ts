import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Command, CommandResult, Host } from '../../src/host/index.ts';

interface FakeUnit {
  active: string;
  sub: string;
  enabled: boolean;
  /** Counts starts; 0 for a unit that was never started. */
  start: number;
  /** Microseconds since the boot. */
  activeSince: number;
  restarts: number;
}

/**
 * A machine whose systemctl keeps units in memory and reads their files from a directory. Any command that it does not
 * know fails the test that sent it.
 */
export class FakeSystemd {
  /** Every command but questions, in order, without the leading `systemctl`. */
  readonly calls: string[] = [];
  /** Verbs of the questions, in order. */
  readonly questions: string[] = [];
  /** Where systemd links running units to their starts; no such links when not set. */
  startsDirectory: string | undefined;
  readonly units = new Map<string, FakeUnit>();
  /** Units of the distribution: name to path. */
  readonly vendor = new Map<string, string>();
  /** Words of a command that fails, with what it says. */
  failure: { readonly word: string; readonly says: string } | undefined;
  /** Answer to a health check's command. */
  command: (line: string) => CommandResult | Promise<CommandResult> = (line) => {
    throw new Error(`no answer is planned for the command "${line}"`);
  };
  readonly #directory: string;
  #starts = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  get host(): Host {
    return {
      name: 'm1',
      address: '127.0.0.1',
      local: true,
      run: (command) => this.#run(command),
      upload: () => Promise.reject(new Error('the agent uploads nothing')),
      close: async () => {},
    };
  }

  set(unit: string, active: string, sub: string): void {
    this.units.set(unit, { ...this.#unit(unit), active, sub });
  }

  /** What systemd does by Restart= when the process of a service ends. */
  restart(unit: string): void {
    this.#start(unit, this.#unit(unit).restarts + 1);
  }

  #start(unit: string, restarts: number): void {
    this.#starts += 1;
    const activeSince = Number(process.hrtime.bigint() / 1000n);
    this.units.set(unit, { ...this.#unit(unit), active: 'active', sub: 'running', start: this.#starts, activeSince, restarts });
  }

  async #run({ argv }: Command): Promise<CommandResult> {
    const [program, verb = '', ...rest] = argv.filter((word) => word !== '--no-pager');
    if (program === 'timeout') return this.command(argv.at(-1) ?? '');
    if (program !== 'systemctl') throw new Error(`unknown command: ${argv.join(' ')}`);
    if (verb === 'show' || verb === 'list-units') {
      this.questions.push(verb);
      return ok(verb === 'show' ? this.#show(rest) : this.#list(rest));
    }
    this.calls.push([verb, ...rest].join(' '));
    if (this.failure !== undefined && argv.includes(this.failure.word))
      return { exitCode: 1, stdout: '', stderr: `${this.failure.says}\n` };
    const units = rest.filter((word) => !word.startsWith('-'));
    switch (verb) {
      case 'daemon-reload':
        break;
      case 'enable':
        for (const unit of units) this.units.set(unit, { ...this.#unit(unit), enabled: true });
        break;
      case 'start':
      case 'restart':
        for (const unit of units) this.#start(unit, 0);
        break;
      case 'disable':
        for (const unit of units) this.units.delete(unit);
        break;
      case 'reset-failed':
        // Their files are gone: systemd does not know them any more, unless they failed.
        return { exitCode: 1, stdout: '', stderr: `Unit ${units[0] ?? ''} not loaded.\n` };
      default:
        throw new Error(`unknown command: ${argv.join(' ')}`);
    }
    return ok('');
  }

  #unit(unit: string): FakeUnit {
    return this.units.get(unit) ?? { active: 'inactive', sub: 'dead', enabled: false, start: 0, activeSince: 0, restarts: 0 };
  }

  /** Links each unit that runs to its start, as systemd does. */
  linkStarts(): void {
    if (this.startsDirectory === undefined) return;
    rmSync(this.startsDirectory, { recursive: true, force: true });
    mkdirSync(this.startsDirectory);
    for (const [unit, { active, start }] of this.units)
      if (active !== 'inactive' && active !== 'failed') symlinkSync(`start-${start}`, join(this.startsDirectory, `invocation:${unit}`));
  }

  #list(rest: readonly string[]): string {
    const wanted = rest.slice(rest.indexOf('--') + 1);
    return wanted
      .flatMap((unit) => {
        const known = this.units.get(unit);
        return known === undefined ? [] : [`${unit} loaded ${known.active} ${known.sub} ${unit}\n`];
      })
      .join('');
  }

  #show(rest: readonly string[]): string {
    const files = readdirSync(this.#directory);
    return rest
      .slice(rest.indexOf('--') + 1)
      .map((unit) => {
        const { active, sub, enabled, start, activeSince, restarts } = this.#unit(unit);
        const path = files.includes(unit) ? join(this.#directory, unit) : (this.vendor.get(unit) ?? '');
        const state = path === '' ? '' : enabled ? 'enabled' : 'disabled';
        const load = path === '' ? 'not-found' : 'loaded';
        return [
          `LoadState=${load}\nActiveState=${active}\nSubState=${sub}\nFragmentPath=${path}\nUnitFileState=${state}`,
          `InvocationID=${start === 0 ? '' : `start-${start}`}\nActiveEnterTimestampMonotonic=${activeSince}\nNRestarts=${restarts}\n`,
        ].join('\n');
      })
      .join('\n');
  }

  /** The text of a unit file, or undefined. */
  file(unit: string): string | undefined {
    try {
      return readFileSync(join(this.#directory, unit), 'utf8');
    } catch {
      return undefined;
    }
  }

  /** The calls since the last time this was asked. */
  takeCalls(): string[] {
    return this.calls.splice(0);
  }
}

function ok(stdout: string): CommandResult {
  return { exitCode: 0, stdout, stderr: '' };
}
