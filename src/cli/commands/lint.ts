import { lintInputs } from '../../builder/index.ts';
import { countOf } from '../../core/index.ts';
import { describeFinding, LintFailedError, strictReport, type LintReport } from '../../lint/index.ts';
import { collect } from '../collect.ts';
import type { CommandContext, RegisterCommand } from '../command.ts';
import { DEFAULT_FILES, imageListsOf } from '../image-lists.ts';

interface Flags {
  readonly manifests: string;
  readonly images?: readonly string[];
  readonly files?: readonly string[];
  readonly strict?: true;
}

/** `caisson lint`: names the mistakes in the documents of a platform before a bundle is built of them. */
export const registerLint: RegisterCommand = (program, run) => {
  program
    .command('lint')
    .summary('check the manifests and the lists of images and files against each other')
    .description(
      'Reads the manifests and the lists of images and files, fills in every template for every role, mix of roles and choice, and says each mistake with its place. Sends no request and writes nothing; build-bundle checks the same.',
    )
    .option('--manifests <directory>', 'what the cluster is made of', 'manifests')
    .option('--images <file>', 'a list of images, - for the standard input; may be repeated (default: images.txt)', collect)
    .option('--files <file>', `a list of files, - for the standard input; may be repeated (default: ${DEFAULT_FILES})`, collect)
    .option('--strict', 'refuse warnings, too')
    .action((flags: Flags) => run((context) => lint(flags, context)));
};

async function lint(flags: Flags, context: CommandContext): Promise<void> {
  const found = await lintInputs({
    manifests: flags.manifests,
    images: imageListsOf(flags),
    listsOfFiles: flags.files,
    readStdin: context.readStdin,
  });
  const report = flags.strict === true ? strictReport(found) : found;
  for (const finding of report.findings)
    if (finding.level === 'warning') context.emit({ type: 'warning', message: describeFinding(finding) });
  if (report.errors > 0) throw new LintFailedError(report);
  context.print({ text: textOf(report, flags), data: { outcome: report.warnings === 0 ? 'clean' : 'warnings', ...report } });
}

function textOf({ warnings }: LintReport, { manifests }: Flags): string {
  return `"${manifests}" has no mistake${warnings === 0 ? '' : ` and ${countOf(warnings, 'warning')}`}`;
}
