import { describe, expect, it } from 'vitest';
import { InvalidInputError, type InputProblem } from '../../src/core/index.ts';
import { formatSource, parseImageList, parseSource } from '../../src/sources/index.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}`;

function problemsOf(text: string): readonly InputProblem[] {
  try {
    parseImageList(text, 'images.txt');
  } catch (error) {
    if (error instanceof InvalidInputError) return error.problems;
    throw error;
  }
  return [];
}

describe('parseImageList', () => {
  it('reads sources and names, with comments, blank lines and Windows line ends', () => {
    const text = `\uFEFF# all images\r\n\r\nnginx:1.27 # the gateway\r\n\tteam/api:v1   as registry.local/api:v1\nquay.io/a/b@${DIGEST} as b:1\nquay.io/c:2@${DIGEST}\n`;
    expect(parseImageList(text, 'images.txt')).toEqual([
      {
        source: { transport: 'registry', image: { domain: 'docker.io', repository: 'library/nginx', tag: '1.27' } },
        name: 'docker.io/library/nginx:1.27',
        line: 3,
      },
      {
        source: { transport: 'registry', image: { domain: 'docker.io', repository: 'team/api', tag: 'v1' } },
        name: 'registry.local/api:v1',
        line: 4,
      },
      {
        source: { transport: 'registry', image: { domain: 'quay.io', repository: 'a/b', digest: DIGEST } },
        name: 'docker.io/library/b:1',
        line: 5,
      },
      {
        source: { transport: 'registry', image: { domain: 'quay.io', repository: 'c', tag: '2', digest: DIGEST } },
        name: 'quay.io/c:2',
        line: 6,
      },
    ]);
  });

  it('reads archives, layouts and images of the Docker engine', () => {
    const text = [
      'docker:team/app:1',
      'docker-daemon:app as web:1',
      `docker:app:1@${DIGEST}`,
      'oci:layout:1.0 as a:1',
      `oci:../x@${DIGEST} as b:1`,
      'oci-archive:x.tar:registry.example/team/app:2',
      'oci-archive:/abs/x.tar as c:1',
      'docker-archive:x.tar:nginx:1.27',
      'docker-archive:x.tar as d:1',
      'docker://quay.io/a/b:3',
    ].join('\n');
    expect(parseImageList(text, 'images.txt').map(({ source, name }) => `${formatSource(source)} as ${name}`)).toEqual([
      'docker:docker.io/team/app:1 as docker.io/team/app:1',
      'docker:docker.io/library/app:latest as docker.io/library/web:1',
      `docker:docker.io/library/app:1@${DIGEST} as docker.io/library/app:1`,
      'oci:layout:1.0 as docker.io/library/a:1',
      `oci:../x@${DIGEST} as docker.io/library/b:1`,
      'oci-archive:x.tar:registry.example/team/app:2 as registry.example/team/app:2',
      'oci-archive:/abs/x.tar as docker.io/library/c:1',
      'docker-archive:x.tar:docker.io/library/nginx:1.27 as docker.io/library/nginx:1.27',
      'docker-archive:x.tar as docker.io/library/d:1',
      'quay.io/a/b:3 as quay.io/a/b:3',
    ]);
    for (const { source } of parseImageList(text, 'images.txt')) expect(parseSource(formatSource(source))).toEqual(source);
  });

  it('reads an empty list', () => {
    expect(parseImageList('\n# nothing yet\n', 'images.txt')).toEqual([]);
  });

  it.each([
    ['Nginx:1', 1, 1, 'lower-case'],
    [`  nginx@${DIGEST}`, 1, 3, 'no tag'],
    ['nginx:1 as', 1, 9, 'no name follows'],
    ['nginx:1 is web:1', 1, 9, '"is" is not expected'],
    ['nginx:1 as web:1 now', 1, 18, '"now" is not expected'],
    ['nginx:1 as web', 1, 12, 'has no tag'],
    [`nginx:1 as web:1@${DIGEST}`, 1, 12, 'has a digest'],
    ['nginx:1 as https://web:1', 1, 12, 'scheme'],
    ['a:1 as x:1\n\nb:1 as x:1', 3, 8, 'taken by line 1'],
    ['nginx:1\ndocker.io/library/nginx:1', 2, 1, 'taken by line 1'],
    ['nginx:1#comment', 1, 1, 'tag'],
    ['docker:24', 1, 1, 'could be the image "24" of the Docker engine'],
    ['docker:5000/app:1', 1, 1, 'or an image of a registry'],
    ['oci:layout:1.0', 1, 1, 'has no name of its own'],
    ['oci-archive:x.tar', 1, 1, 'has no name of its own'],
    ['docker-archive:x.tar', 1, 1, 'has no name of its own'],
    ['oci: as x:1', 1, 1, 'names no file'],
    ['oci-archive:x.tar: as x:1', 1, 1, 'no name follows'],
    ['oci:x@sha256:12 as x:1', 1, 1, 'is not sha256'],
    ['oci://x as x:1', 1, 1, 'has a scheme'],
    ['oci:x:a$b as x:1', 1, 1, 'is not a tag or a name'],
    ['docker-archive:x.tar:@0 as x:1', 1, 1, 'counts images'],
    [`docker-archive:x.tar:a:1@${DIGEST}`, 1, 1, 'have no digest'],
    ['docker-archive:x.tar:APP:1', 1, 1, 'lower-case'],
  ])('shows the place and the reason of the mistake in %j', (text, line, column, reason) => {
    expect(problemsOf(text)).toEqual([expect.objectContaining({ position: { line, column }, reason: expect.stringContaining(reason) })]);
  });

  it('shows every mistake at once', () => {
    const lines = problemsOf('BAD\nnginx:1\nnginx:1 as\nBAD as ALSO:1\n').map(({ position }) => position?.line);
    expect(lines).toEqual([1, 3, 4, 4]);
  });

  it('names the file in mistakes', () => {
    expect(() => parseImageList('nginx:1\nBAD\n', 'lists/images.txt')).toThrow(/lists\/images\.txt:2:1:/);
  });
});
