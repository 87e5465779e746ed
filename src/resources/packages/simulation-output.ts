/** Lines below `@@ NAME` in the output of a simulation. */
export interface OutputSection {
  readonly name: string;
  readonly lines: readonly string[];
}

/** Splits the output of a simulation. Lines before the first section and empty ones are left out. */
export function outputSections(output: string): readonly OutputSection[] {
  const sections: { readonly name: string; readonly lines: string[] }[] = [];
  for (const line of output.split('\n')) {
    const name = /^@@ (\S+)/.exec(line)?.[1];
    if (name !== undefined) sections.push({ name, lines: [] });
    else if (line !== '') sections.at(-1)?.lines.push(line);
  }
  return sections;
}
