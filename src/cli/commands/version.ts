import { formatPlatform, platformOfNode } from '../../core/index.ts';
import type { CommandContext, RegisterCommand } from '../command.ts';

/** `caisson version`: prints the version, and from which sources and with which Node the program runs. */
export const registerVersion: RegisterCommand = (program, run) => {
  program
    .command('version')
    .summary('print the version, the commit it was built from, and the Node and platform it runs on')
    .description(
      'Prints the version of the program, the commit it was built from where that was known, and the version of Node and the platform it runs on. --version prints the version alone.',
    )
    .action(() =>
      run((context) => {
        context.print({ text: textOf(program.name(), context), data: dataOf(context) });
        return Promise.resolve();
      }),
    );
};

function textOf(name: string, { version, commit, self }: CommandContext): string {
  return [
    `${name} ${version}`,
    `commit ${commit === undefined ? 'not known' : `${commit.id} of ${commit.date}`}`,
    `Node ${process.versions.node}${self.standalone ? ', inside the executable' : ''}`,
    `platform ${platform()}`,
  ].join('\n');
}

function dataOf({ version, commit, self }: CommandContext): object {
  const { node } = process.versions;
  return { version, commit: commit?.id, date: commit?.date, node, platform: platform(), standalone: self.standalone };
}

function platform(): string {
  return formatPlatform(platformOfNode(process.platform, process.arch));
}
