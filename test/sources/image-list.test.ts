import { describe, expect, it } from 'vitest';
import { InvalidInputError, type InputProblem } from '../../src/core/index.ts';
import { formatSource, parseImageList, parseSource } from '../../src/sources/index.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}`;
const OTHER_DIGEST = `sha256:${'cd'.repeat(32)}`;

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

  it('reads the platforms that a line names last, each once', () => {
    const text = 'a:1 platforms=linux/amd64\nb:1 as c:1 platforms=linux/arm64/v8,linux/amd64,linux/amd64\nd:1\n';
    expect(parseImageList(text, 'images.txt').map(({ platforms }) => platforms)).toEqual([
      [{ os: 'linux', architecture: 'amd64' }],
      [
        { os: 'linux', architecture: 'arm64', variant: 'v8' },
        { os: 'linux', architecture: 'amd64' },
      ],
      undefined,
    ]);
  });

  it.each([
    ['a:1 platforms=', 'Cannot read platform ""'],
    ['a:1 platforms=amd64', 'Cannot read platform "amd64"'],
    ['a:1 platforms=linux/amd64 as b:1', '"platforms=linux/amd64" is not expected here'],
    ['--platform=linux/amd64 a:1', '"--platform=linux/amd64" is not expected here'],
    ['a:1 platform=linux/amd64', '"platform=linux/amd64" is not expected here'],
    ['platforms=linux/amd64', '"platforms=linux/amd64" is not expected here'],
    ['a:1 as platforms=linux/amd64', 'no name follows "as"'],
  ])('refuses "%s"', (line, reason) => {
    expect(problemsOf(line)).toEqual([expect.objectContaining({ reason: expect.stringContaining(reason), position: expect.anything() })]);
  });

  it('unites equal lines of the same platforms, and no others', () => {
    expect(parseImageList('a:1 platforms=linux/amd64,linux/arm64\na:1 platforms=linux/arm64,linux/amd64\n', 'images.txt')).toHaveLength(1);
    expect(problemsOf('a:1\na:1 platforms=linux/amd64\n')).toEqual([
      expect.objectContaining({ reason: '"docker.io/library/a:1" has other platforms on line 1', position: { line: 2, column: 5 } }),
    ]);
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
    [`nginx:1@${DIGEST}\nnginx:2\nnginx:1@${OTHER_DIGEST}`, 3, 1, '"docker.io/library/nginx:1" has another digest on line 1'],
    [`a:1@${DIGEST} as x:1\na:1@${OTHER_DIGEST} as x:1`, 2, 80, 'has another digest on line 1'],
    ['docker:a:1 as x:1\na:1 as x:1', 2, 8, 'taken by line 1'],
    ['a:1 as x:1\na:2 as x:1', 2, 8, 'taken by line 1'],
    [`a@${DIGEST} as x:1\na:1 as x:1`, 2, 8, 'taken by line 1'],
    ['oci:x:a:1 as x:1\noci:y:a:1 as x:1', 2, 14, 'taken by line 1'],
    ['  - "Nginx:1"', 1, 6, 'lower-case'],
    ['values.yaml:3:  image: Nginx:1', 1, 24, 'lower-case'],
    ['image: "{{ .Values.image }}"', 1, 8, 'placeholder of a template'],
    ['image: ${REGISTRY}/app:1', 1, 8, 'placeholder of a template'],
    ['image:', 1, 1, 'tag ""'],
    ["'nginx:1", 1, 1, 'lower-case'],
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

  it('makes one mistake of those of one kind, with the lines, once there are more than three', () => {
    const bad = (count: number): string => Array.from({ length: count }, (_, index) => `Image${index}:1\n`).join('');
    expect(problemsOf(bad(3)).map(({ position }) => position?.line)).toEqual([1, 2, 3]);
    const [only, ...more] = problemsOf(`nginx:1\n${bad(4)}`);
    expect(more).toEqual([]);
    expect(only).toMatchObject({ position: { line: 2, column: 1 }, remedy: 'Repository names are lower case' });
    expect(only?.reason).toMatch(/"Image0:1".*; the same on lines 3, 4, 5$/);
    expect(problemsOf(`${bad(15)}nginx:1 as\n`).map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/; the same on lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 4 more$/),
      'no name follows "as"',
    ]);
  });

  it('names the file in mistakes', () => {
    expect(() => parseImageList('nginx:1\nBAD\n', 'lists/images.txt')).toThrow(/lists\/images\.txt:2:1:/);
  });
});

describe('names with a port', () => {
  it('are taken as they are', () => {
    const names = ['harbor.a:8443/team/app:1', 'localhost:5000/x:1', '[2001:db8::1]:5000/team/app:1'];
    expect(parseImageList(names.join('\n'), 'images.txt').map(({ name }) => name)).toEqual(names);
  });

  it('are refused when clients cannot tell them from another name of the list', () => {
    expect(problemsOf('harbor.a:8443/app:1\nharbor.a:8443/app:2\nb:1 as harbor.a-8443/app:1\n')).toEqual([
      {
        position: { line: 3, column: 8 },
        reason: 'clients pull "harbor.a-8443/app:1" from a depot as "harbor.a-8443/app:1", and that is "harbor.a:8443/app:1" of line 1',
        remedy: 'write another name after "as"',
      },
    ]);
  });

  it('are refused when no client could write them', () => {
    expect(problemsOf('b:1 as [::]/app:1')).toMatchObject([
      { position: { line: 1, column: 8 }, reason: expect.stringContaining('no client can pull the name "[::]/app:1"') },
    ]);
  });
});

describe('a list of images as it is published', () => {
  const wanted = ['docker.io/library/nginx:1.27', 'quay.io/a/b:2', 'docker.io/library/redis:latest'];

  function namesOf(list: string | Uint8Array): readonly string[] {
    return parseImageList(list, 'images.txt').map(({ name }) => name);
  }

  it.each([
    ['short and long names', 'nginx:1.27\nquay.io/a/b:2\nredis'],
    ['docker.io in front', 'docker.io/nginx:1.27\nquay.io/a/b:2\ndocker.io/library/redis:latest\nindex.docker.io/library/redis'],
    ['Windows line ends', 'nginx:1.27\r\nquay.io/a/b:2\r\nredis\r\n'],
    ['line ends of old Macintoshes', 'nginx:1.27\rquay.io/a/b:2\rredis\r'],
    ['quotes', '"nginx:1.27"\n\'quay.io/a/b:2\'\n`redis`'],
    ['a list of YAML', '---\nimages:\n  - nginx:1.27\n  - "quay.io/a/b:2" # the second\n  -   \'redis\''],
    ['a list of JSON without its brackets', '  "nginx:1.27",\n  "quay.io/a/b:2",\n  "redis"'],
    ['lines of grep', '        image: nginx:1.27\n      - image: "quay.io/a/b:2"\n"image": "redis",'],
    ['lines of grep -r', 'x/values.yaml:  image: nginx:1.27\nx/pod.yaml:- image: "quay.io/a/b:2"\ny.yaml:image: redis'],
    ['lines of grep -n', '12:  image: nginx:1.27\nx.yaml:7:    - image: quay.io/a/b:2\ny.yaml:1:image: redis'],
    ['comments behind names', 'nginx:1.27 # web\nquay.io/a/b:2\t#store\nredis   # cache'],
  ])('is read with %s', (_name, text) => {
    expect(namesOf(text)).toEqual(wanted);
    expect(namesOf(Buffer.from(text))).toEqual(wanted);
  });

  it('is read in UTF-16 behind a byte order mark, and in UTF-8 with and without one', () => {
    const text = '\uFEFFnginx:1.27\r\nquay.io/a/b:2\r\nredis\r\n';
    expect(namesOf(Buffer.from(text, 'utf8'))).toEqual(wanted);
    expect(namesOf(Buffer.from(text, 'utf16le'))).toEqual(wanted);
    expect(namesOf(Buffer.from(text, 'utf16le').swap16())).toEqual(wanted);
  });

  it.each([
    [Buffer.from('nginx:1.27\nredis:1\n', 'utf16le'), 'has NUL characters, as UTF-16 without a byte order mark has'],
    [Buffer.from('nginx:1.27 # f\xFCr alle\n', 'latin1'), 'is not text in UTF-8'],
    [Buffer.from([0xff, 0xfe, 0x00, 0xd8, 0x41]), 'is not text in UTF-16LE'],
  ])('is one mistake in another encoding: %o', (bytes, reason) => {
    expect(() => namesOf(bytes)).toThrow(expect.objectContaining({ problems: [{ reason, remedy: 'save it as UTF-8' }] }));
  });

  it('has one entry for lines that say the same, with the digest that one of them has', () => {
    const list = [
      'nginx:1.27',
      `docker.io/library/nginx:1.27@${DIGEST}`,
      'nginx:1.27',
      'docker:app:1',
      'docker-daemon:app:1',
      `docker:app:1@${DIGEST}`,
      `quay.io/a@${DIGEST} as a:1`,
      `quay.io/a:1@${DIGEST} as a:1`,
      'oci:layout:b:1 as b:1',
      'oci:layout:b:1 as b:1',
    ].join('\n');
    expect(parseImageList(list, 'images.txt').map(({ source, name, line }) => `${line}: ${formatSource(source)} as ${name}`)).toEqual([
      `1: docker.io/library/nginx:1.27@${DIGEST} as docker.io/library/nginx:1.27`,
      `4: docker:docker.io/library/app:1@${DIGEST} as docker.io/library/app:1`,
      `7: quay.io/a:1@${DIGEST} as docker.io/library/a:1`,
      '9: oci:layout:b:1 as docker.io/library/b:1',
    ]);
  });
});
