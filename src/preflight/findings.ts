import { CaissonError } from '../core/index.ts';

/** One problem of a host, with its remedy. */
export interface HostFinding {
  readonly host: string;
  readonly problem: string;
  readonly remedy: string;
  /** Present on a finding that is told and ends no run. */
  readonly isWarning?: true;
}

/** Thrown by preflight with every finding of every host, before anything is changed. */
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
