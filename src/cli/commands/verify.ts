import { VerifyFailedError, verifyBundle } from '../../bundle/index.ts';
import { formatSize } from '../../core/index.ts';
import type { RegisterCommand } from '../command.ts';

/** `caisson verify BUNDLE`: exit status 4, and every fault by member, unless the file is exactly what was built. */
export const registerVerify: RegisterCommand = (program, run) => {
  program
    .command('verify')
    .description('check every byte of a bundle, and list every fault')
    .argument('<bundle>', 'the bundle file')
    .action((bundle: string) =>
      run(async (context) => {
        const { emit, signal, clock } = context;
        const report = await verifyBundle(bundle, { emit, signal, clock });
        if (report.findings.length > 0) throw new VerifyFailedError(report);
        const text = `${bundle} is whole: ${report.name} ${report.version}, ${report.members} members, ${formatSize(report.size)}\nbundle ${report.bundleDigest}`;
        context.print({ text, data: report });
      }),
    );
};
