import { groupVolumes, VerifyFailedError, verifyBundle, type VerifyReport } from '../../bundle/index.ts';
import { CaissonError, formatSize } from '../../core/index.ts';
import type { RegisterCommand } from '../command.ts';

/** `caisson verify BUNDLE`: exit status 4, and every fault by member, unless the file is exactly what was built. */
export const registerVerify: RegisterCommand = (program, run) => {
  program
    .command('verify')
    .description('check every byte of a bundle, and list every fault')
    .argument('<bundle...>', 'the bundle: its file, or volumes of it')
    .action((paths: readonly string[]) =>
      run(async (context) => {
        const { emit, signal, clock } = context;
        const [bundle = [], ...more] = groupVolumes(paths);
        if (more.length > 0) throw new CaissonError('USAGE', 'Cannot verify several bundles at once', { hint: 'Name one after the other' });
        const report = await verifyBundle(bundle, { emit, signal, clock });
        if (report.findings.length > 0) throw new VerifyFailedError(report);
        const text = `${nameOf(report)} is whole: ${report.name} ${report.version}, ${report.members} members, ${formatSize(report.size)}\nbundle ${report.bundleDigest}`;
        context.print({ text, data: report });
      }),
    );
};

function nameOf({ path, paths }: VerifyReport): string {
  return paths.length === 1 ? path : `${path} (${paths.length} volumes)`;
}
