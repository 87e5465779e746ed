import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

/**
 * Wordings that make a riddle of a comment, each with what to write instead. The rule is: subject, verb, object, unit.
 * A pattern stands here when it was found often and a plainer sentence always existed.
 */
const BANNED: readonly { readonly pattern: RegExp; readonly instead: string }[] = [
  { pattern: /^What\b/, instead: 'name the thing: "The fields of …", "Reads …", "Most bytes of …"' },
  { pattern: /\bso (?:many|long)\b/i, instead: 'say the limit and its unit: "Most attempts", "Milliseconds after which …"' },
  { pattern: /\bwhat (?:is|was|are|were|has|had)\b/, instead: 'name the thing that is meant' },
  { pattern: /\b(?:nobody|anybody|somebody|whoever)\b/i, instead: 'name who it is, or turn the sentence round: "is not read"' },
  { pattern: /\bstrangers?\b/i, instead: 'say which server, process or user' },
  { pattern: /\bnothing of (?:it|them|that|the|an?)\b/i, instead: 'say what is absent or unchanged' },
  { pattern: /\bas well be\b/, instead: 'say what else it can be' },
  { pattern: /\b(?:borne|astray|in vain|seldom)\b/i, instead: 'use the common word' },
  { pattern: /\bbe had\b|\bof (?:no )?use\b/, instead: 'say who reads or uses it' },
  { pattern: /\bthat an(?:y|ybody)(?:one)? made\b/, instead: 'say the limit and why it is there' },
];

/** Folders of src whose comments hold to the rule. The others follow one by one; a folder never leaves this list. */
const HELD = [
  'agent',
  'builder',
  'bundle',
  'cli',
  'cluster',
  'core',
  'depot',
  'engine',
  'health',
  'host',
  'io',
  'lint',
  'manifests',
  'net',
  'oci',
  'ospkg',
  'pki',
  'plan',
  'preflight',
  'push',
  'registry',
  'resources',
  'server',
  'site',
  'sources',
  'sshsig',
  'ui',
  'usecases',
];

const SRC = resolve(import.meta.dirname, '../../src');

interface Comment {
  readonly line: number;
  /** Its words, without marks and line breaks. */
  readonly text: string;
}

function commentsOf(source: string): Comment[] {
  const file = ts.createSourceFile('x.ts', source, ts.ScriptTarget.ES2023, true);
  const ranges = new Map<number, ts.CommentRange>();
  const visit = (node: ts.Node): void => {
    const found = [
      ...(ts.getLeadingCommentRanges(source, node.getFullStart()) ?? []),
      ...(ts.getTrailingCommentRanges(source, node.getEnd()) ?? []),
    ];
    if (node.getChildCount(file) === 0) for (const range of found) ranges.set(range.pos, range);
    node.getChildren(file).forEach(visit);
  };
  visit(file);
  return [...ranges.values()].map(({ pos, end }) => ({
    line: file.getLineAndCharacterOfPosition(pos).line + 1,
    text: wordsOf(source.slice(pos, end)),
  }));
}

function wordsOf(comment: string): string {
  return comment
    .replace(/^\/\*+|\*+\/$|^\/\//g, '')
    .replace(/\n\s*\*/g, '\n')
    .replace(/\s+/g, ' ')
    .trim();
}

function riddlesIn(name: string, source: string): string[] {
  return commentsOf(source).flatMap(({ line, text }) =>
    BANNED.flatMap(({ pattern, instead }) => {
      const match = pattern.exec(text);
      return match === null ? [] : [`${name}:${line}: "${match[0]}": ${instead}`];
    }),
  );
}

describe('comments', () => {
  it.each(HELD)('of src/%s are plain sentences', (folder) => {
    const files = readdirSync(join(SRC, folder), { withFileTypes: true, recursive: true }).filter(({ name }) => name.endsWith('.ts'));
    const found = files.flatMap(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return riddlesIn(relative(SRC, path), readFileSync(path, 'utf8'));
    });
    expect(found).toEqual([]);
  });

  it.each([
    ['/** What became of it. */\nconst a = 1;', 1],
    ['const a = 1; // nobody reads more', 1],
    ['function f() {\n  // so many\n  // of them\n}', 2],
    ['/**\n * Reads what is\n * there.\n */\nconst a = 1;', 1],
    ['/** Says nothing of\n * it. */ const a = 1;', 1],
  ])('are found with their line in %j', (source, line) => {
    expect(riddlesIn('a.ts', source)).toEqual([expect.stringMatching(new RegExp(`^a\\.ts:${line}: "`))]);
  });

  it('leave texts of the program alone', () => {
    expect(riddlesIn('a.ts', "const a = 'nobody';\nconst b = `// so many ${a} /* borne */`;")).toEqual([]);
  });
});
