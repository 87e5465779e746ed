import { Argument } from 'commander';
import { bashCompletion, describeProgram, fishCompletion, zshCompletion } from '../reference/index.ts';
import type { RegisterCommand } from '../command.ts';

const SCRIPTS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

/** `caisson completion SHELL`: prints a script that completes commands, options and their values in a shell. */
export const registerCompletion: RegisterCommand = (program, run) => {
  program
    .command('completion')
    .summary('print a script that completes the command line in bash, zsh or fish')
    .description(
      'Prints a script for the shell, made from the commands and options of this version. It starts nothing when a key is pressed. Keep it where the shell looks for completions, and write it again after a change of version.',
    )
    .addArgument(new Argument('<shell>', 'the shell that reads it').choices(Object.keys(SCRIPTS)))
    .action((shell: keyof typeof SCRIPTS) =>
      run((context) => {
        const script = SCRIPTS[shell](describeProgram(program));
        context.print({ text: script, data: { shell, script } });
        return Promise.resolve();
      }),
    );
};
