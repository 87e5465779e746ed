import { describe, expect, it } from 'vitest';
import { digestOf, InvalidInputError } from '../../src/core/index.ts';
import { joinFileLists, parseFileList } from '../../src/sources/index.ts';

const [one, two] = ['one', 'two'].map((text) => digestOf(text));

function problemsOf(work: () => unknown): string[] {
  try {
    work();
  } catch (error) {
    if (error instanceof InvalidInputError)
      return error.problems.map(({ position, reason, remedy }) => `${position?.line}:${position?.column} ${reason} (${remedy})`);
    throw error;
  }
  return [];
}

const mistakesIn = (list: string): string[] => problemsOf(() => parseFileList(list, 'files.txt'));

describe('parseFileList', () => {
  it('reads URL, name and digest, with comments and quotes as in lists of images', () => {
    const list = [
      '# a comment',
      `https://a.example/v1/ctl as bin/ctl ${one} # the tool`,
      '',
      '  http://a.example:8080/x.tgz?raw=1 as plugins/x_1.0+b~rc@2.tgz',
      '- "https://a.example/a%20b/plugins-v1.5.tgz"',
      `file:///srv/report.pdf ${two}`,
    ].join('\r\n');
    expect(parseFileList(`\uFEFF${list}`, 'files.txt')).toEqual([
      { url: 'https://a.example/v1/ctl', name: 'bin/ctl', digest: one, line: 2 },
      { url: 'http://a.example:8080/x.tgz?raw=1', name: 'plugins/x_1.0+b~rc@2.tgz', line: 4 },
      { url: 'https://a.example/a%20b/plugins-v1.5.tgz', name: 'plugins-v1.5.tgz', line: 5 },
      { url: 'file:///srv/report.pdf', name: 'report.pdf', digest: two, line: 6 },
    ]);
  });

  it('takes lines that say the same as one, with the digest that one of them has', () => {
    const url = 'http://a.example/x';
    expect(parseFileList(`${url}\n${url} as x ${one}\n${url} ${one}\n`, 'files.txt')).toEqual([{ url, name: 'x', digest: one, line: 1 }]);
  });

  it.each([
    ['a.example/x', '1:1 "a.example/x" is not an http, https or file URL'],
    ['http://a.example/x bin/x', '1:20 "bin/x" is not expected here (write URL as NAME'],
    ['http://a.example/x as', '1:20 no name follows "as"'],
    ['http://a.example/x as a b', '1:25 "b" is not expected here'],
    ['http://a.example/x as a platforms=linux/amd64', '1:25 "platforms=linux/amd64" is not expected here'],
    ['http://a.example/x sha256:ABC', '1:20 "sha256:ABC" is not a digest (write sha256: and 64 hex digits'],
    ['http://a.example/', '1:1 "http://a.example/" has no name of its own (name it: URL as NAME)'],
    ['http://a.example/a%20b', '1:1 the name "a b" cannot be a file\'s: it has characters other than letters'],
    ['http://a.example/x as ../x', '1:23 the name "../x" cannot be a file\'s: it has a ".." component (write another name after "as")'],
    ['http://ann:secret@a.example/x', '1:1 has a user or password in its URL (write them into the file that NETRC names'],
    ['http://a.example/x#y', '1:1 "http://a.example/x#y" has a fragment'],
    ['file://host/x', '1:1 "file://host/x" is not a file of this machine (write file:/// and the whole path)'],
    ['http://a.example/${VERSION}/x', '1:1 has a placeholder of a template'],
  ])('says what is wrong with "%s", where, and the remedy', (line, mistake) => {
    const [found, ...more] = mistakesIn(line);
    expect(found).toContain(mistake);
    expect(more).toEqual([]);
  });

  it('never repeats a password', () => {
    expect(String(mistakesIn('http://ann:Wag-0n-w4rd@a.example/x'))).not.toContain('Wag-0n-w4rd');
  });

  it('names both lines of a contradiction', () => {
    const list = `http://a.example/x ${one}\nhttp://b.example/x\nhttp://a.example/x ${two}\nhttp://a.example/y as x/y\nhttp://a.example/z as d/e/z\nhttp://a.example/d`;
    expect(mistakesIn(list)).toEqual([
      '2:1 the name "x" is taken by line 1 (write another name after "as")',
      '3:1 "x" has another digest on line 1 (keep the line whose digest is right)',
      '4:1 "x" cannot be a file and have "x/y" below it, see line 1 (write another name after "as")',
      '6:1 "d" cannot be a file and have "d/e/z" below it, see line 5 (write another name after "as")',
    ]);
  });

  it('is one mistake where many lines have it', () => {
    expect(mistakesIn('nginx:1.27\n'.repeat(20))).toHaveLength(1);
  });
});

describe('joinFileLists', () => {
  const lists = (...texts: string[]) =>
    texts.map((text, index) => ({ file: `${index}.txt`, entries: parseFileList(text, `${index}.txt`) }));

  it('unites lists, and names the place of a contradiction', () => {
    const [same, other] = ['http://a.example/x', 'http://b.example/x'];
    expect(joinFileLists(lists(same, `${same} ${one}`)).map(({ digest }) => digest)).toEqual([one]);
    expect(problemsOf(() => joinFileLists(lists(same, other)))).toEqual([
      '1:1 the name "x" is taken by line 1 of "0.txt" (write another name after "as")',
    ]);
  });
});
