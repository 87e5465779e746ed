import { nearestName } from '../../io/index.ts';
import { componentDocuments } from '../component-documents.ts';
import { findingAt, type LintFinding } from '../finding.ts';
import type { LintSubject } from '../subject.ts';

/** Ends of names of archives that no host takes apart: tar, plain or compressed by gzip, is read. */
const OTHER_ARCHIVE = /\.(?:zip|7z|rar|(?:t|tar\.)?(?:xz|zst|bz2|lz4|lzma))$/i;

/** Files that components name and no list has, and archives that no host takes apart. Any file may be there for people alone. */
export function checkFiles(subject: LintSubject): readonly LintFinding[] {
  const { files, fileLists } = subject;
  const byName = new Map(files.map((file) => [file.name, file]));
  return componentDocuments(subject).flatMap(({ manifest, loaded }) =>
    manifest.artifacts.flatMap(({ file: name, member }, index): LintFinding[] => {
      const listed = name === undefined ? undefined : byName.get(name);
      const finding = (reason: string, remedy: string): LintFinding[] => [
        findingAt(loaded, ['artifacts', index, 'file'], { check: 'files', level: 'error', reason, remedy }),
      ];
      if (name !== undefined && listed === undefined) {
        const near = nearestName(name, [...byName.keys()]);
        const lists = fileLists.length === 0 ? 'there is no files.txt, and so' : `${fileLists.join(', ')} has`;
        return finding(
          `${lists} no file "${name}"`,
          near === undefined ? `add a line for it there: URL as ${name}` : `did you mean "${near}"?`,
        );
      }
      if (listed === undefined || member === undefined || !OTHER_ARCHIVE.test(listed.name)) return [];
      return finding(
        `"${listed.name}" is no archive that hosts take apart`,
        'take it as tar, plain or compressed by gzip, or without member',
      );
    }),
  );
}
