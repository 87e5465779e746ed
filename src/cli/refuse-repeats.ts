import type { Command } from 'commander';

/**
 * Lets every command below `program` refuse an option of one value that is given twice, as a usage error that names it: the
 * last one would win without a word. An option whose value is a list takes all of its values; a flag without a value says
 * the same twice.
 */
export function refuseRepeats(program: Command): void {
  for (const option of program.options) {
    if (!option.required && !option.optional) continue;
    let isGiven = false;
    program.on(`option:${option.name()}`, () => {
      const isList = Array.isArray(program.getOptionValue(option.attributeName()));
      if (isGiven && !isList) program.error(`error: option '${option.flags}' is given twice, and takes one value`);
      isGiven = true;
    });
  }
  program.commands.forEach(refuseRepeats);
}
