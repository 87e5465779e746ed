import { CaissonError } from '../core/index.ts';

/** One thing that is wrong with a host, and what to do about it. */
export interface HostFinding {
  readonly host: string;
  readonly problem: string;
  readonly remedy: string;
}

/** Everything that preflight found, on every host, at once. Nothing was changed. */
export class HostsUnfitError extends CaissonError {
  readonly findings: readonly HostFinding[];

  constructor(findings: readonly HostFinding[]) {
    const lines = findings.map(({ host, problem, remedy }) => `  ${host}: ${problem}\n    ${remedy}`);
    const count = findings.length === 1 ? '1 finding' : `${findings.length} findings`;
    super('HOSTS_UNFIT', `Cannot install on these hosts: ${count}\n${lines.join('\n')}`, { hint: 'Nothing was changed' });
    this.findings = findings;
  }

  override get data(): Readonly<Record<string, unknown>> {
    return { findings: this.findings };
  }
}
