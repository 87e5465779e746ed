import * as z from 'zod';
import { describe, expect, it } from 'vitest';
import { InvalidInputError, type InputProblem } from '../../src/core/index.ts';
import { MAX_YAML_BYTES, parseYaml, readYaml } from '../../src/io/index.ts';

const schema = z.strictObject({
  name: z.string(),
  version: z.string().optional(),
  kind: z.literal('Thing').optional(),
  colour: z.enum(['red', 'green']).default('red'),
  size: z.int().min(1).max(9).optional(),
  nodes: z
    .array(z.strictObject({ name: z.string().regex(/^[a-z]+$/, 'is not a name; use small letters'), address: z.string().optional() }))
    .min(1)
    .optional(),
  labels: z.record(z.string(), z.string()).optional(),
  storage: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('none') }),
      z.strictObject({ type: z.literal('nas'), server: z.string() }),
    ])
    .optional(),
});

function problemsOf(text: string, check?: Parameters<typeof parseYaml>[3]): readonly InputProblem[] {
  try {
    parseYaml(text, 'thing.yaml', schema, check);
  } catch (error) {
    if (error instanceof InvalidInputError) return error.problems;
    throw error;
  }
  return [];
}

function linesOf(text: string): string[] {
  return problemsOf(text).map(
    ({ position, path, reason, remedy }) =>
      `${position?.line}:${position?.column} ${path}: ${reason}${remedy === undefined ? '' : ` (${remedy})`}`,
  );
}

describe('parseYaml', () => {
  it('gives data with defaults filled in', () => {
    expect(parseYaml('name: a\nlabels: { x: "1" }\n', 'thing.yaml', schema)).toEqual({ name: 'a', colour: 'red', labels: { x: '1' } });
  });

  it('finds every mistake at once, in the order of the file, with line and column', () => {
    const text = ['name: 7', 'nodes:', '  - name: UPPER', '    adress: 10.0.0.1', '  - address: x', 'colour: blue', ''].join('\n');
    expect(linesOf(text)).toEqual([
      '1:7 name: is a whole number (7), want text (put it in quotes: "7")',
      '3:11 nodes[0].name: is not a name (use small letters)',
      '4:5 nodes[0].adress: unknown key (did you mean "address"?)',
      '5:5 nodes[1].name: is missing, want text',
      '6:9 colour: is "blue", want one of "red", "green"',
    ]);
  });

  it('puts the file in front of every line of the message', () => {
    expect(() => parseYaml('nam: x', 'thing.yaml', schema)).toThrow(
      /^Cannot use "thing.yaml":\n {2}thing.yaml:1:1: name: is missing, want text\n {2}thing.yaml:1:1: nam: unknown key \(did you mean "name"\?\)$/,
    );
  });

  it.each([
    ['a key that is written twice', 'name: a\nname: b\n', '2:1 undefined: this key is written twice in the same map (keep one)'],
    ['an empty value', 'name:\n', '1:1 name: is empty, want text'],
    ['a map where text is wanted', 'name: {a: b}\n', '1:7 name: is a map, want text'],
    [
      'a number that YAML has shortened',
      'name: a\nversion: 1.10\n',
      '2:10 version: is a number (1.1), want text (put it in quotes: "1.1")',
    ],
    ['an empty list', 'name: a\nnodes: []\n', '2:8 nodes: is empty, want at least one entry'],
    ['a number that is too big', 'name: a\nsize: 10\n', '2:7 size: is out of range, want at most 9'],
    ['a fraction', 'name: a\nsize: 1.5\n', '2:7 size: is a number, want a whole number'],
    ['another kind', 'name: a\nkind: Think\n', '2:7 kind: is "Think", want "Thing" (did you mean "Thing"?)'],
    [
      'an unknown alternative',
      'name: a\nstorage: { type: nass }\n',
      '2:18 storage.type: is "nass", want one of "none", "nas" (did you mean "nas"?)',
    ],
    [
      'an unknown key in an alternative',
      'name: a\nstorage: { type: nas, server: b, sever: c }\n',
      '2:34 storage.sever: unknown key (did you mean "server"?)',
    ],
    ['a list at the top', '- a\n', '1:1 : is a list, want a map'],
    ['nothing at all', '', '1:1 : is empty, want a map'],
  ])('names %s', (_what, text, line) => {
    expect(linesOf(text)).toEqual([line]);
  });

  it('names a key of every object, even where any key may stand', () => {
    const reason = 'this key has a meaning of its own in programs (use another one)';
    expect(linesOf('name: a\n__proto__: { x: 1 }\n')).toEqual([
      `2:1 undefined: ${reason}`,
      '2:1 __proto__: unknown key (known: name, version, kind, colour, size, nodes, labels, storage)',
    ]);
    expect(linesOf('name: a\nlabels: { __proto__: x }\n')).toEqual([`2:11 undefined: ${reason}`]);
  });

  it('runs further checks although the schema found something, so that all come at once', () => {
    const problems = problemsOf('name: 7\ncolour: red\n', (document) => [
      document.problemAt(['colour'], 'is too loud', 'whisper', { key: true }),
    ]);
    expect(problems.map(({ path, position }) => [path, position])).toEqual([
      ['name', { line: 1, column: 7 }],
      ['colour', { line: 2, column: 1 }],
    ]);
  });

  it('points at the nearest parent of what is not there', () => {
    const document = readYaml('a:\n  b:\n    - c: 1\n', 'thing.yaml');
    expect(document.problemAt(['a', 'b', 0, 'missing', 'deep'], 'x').position).toEqual({ line: 3, column: 7 });
    expect(document.problemAt(['a', 'b', 5], 'x').position).toEqual({ line: 3, column: 5 });
  });

  it('reads 0755 and no as YAML 1.2 does', () => {
    expect(readYaml('a: 0755\nb: no\n', 'f').value).toEqual({ a: 755, b: 'no' });
  });
});

describe('hostile YAML', () => {
  it.each([
    ['tabs as indentation', 'a:\n\tb: 1\n', /tab is used as indentation \(use spaces\)|not valid YAML/],
    ['several documents', 'a: 1\n---\nb: 2\n', /several documents/],
    ['an unclosed quote', 'a: "x\n', /not valid YAML/],
    ['tags that make objects', 'a: !!js/function "x"\n', /not plain data/],
    ['keys that are no text', '? [a, b]\n: 1\n', /key is not text/],
    ['too many brackets', '['.repeat(5000), /nested more than 100 deep/],
    ['too many dashes', `${'- '.repeat(5000)}a`, /nested more than 100 deep/],
    ['an alias of nothing', 'a: *b\n', /no anchor before the alias/],
  ])('refuses %s', (_what, text, message) => {
    expect(() => readYaml(text, 'thing.yaml')).toThrow(InvalidInputError);
    expect(() => readYaml(text, 'thing.yaml')).toThrow(message);
  });

  it('refuses nesting by indentation', () => {
    const text = Array.from({ length: 2000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n');
    expect(() => readYaml(text, 'thing.yaml')).toThrow(/nested more than 100 deep/);
  });

  it('refuses aliases that multiply without end', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
    for (let level = 1; level < 10; level += 1)
      lines.push(
        `a${level}: &a${level} [${Array(9)
          .fill(`*a${level - 1}`)
          .join(', ')}]`,
      );
    expect(() => readYaml(lines.join('\n'), 'thing.yaml')).toThrow(/aliases/);
  });

  it('refuses more than 4 MiB', () => {
    expect(() => readYaml(`a: ${'x'.repeat(MAX_YAML_BYTES)}`, 'thing.yaml')).toThrow(/at most 4194304 are read/);
  });

  it('leaves the prototype of every object alone', () => {
    readYaml('__proto__: { polluted: true }\nconstructor: { prototype: { polluted: true } }\n', 'thing.yaml');
    expect('polluted' in {}).toBe(false);
  });
});
