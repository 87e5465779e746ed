import { describe, expect, it } from 'vitest';
import { formatReference, parseReference, parseReferenceAsWritten, repositoryName } from '../../src/oci/index.ts';
import * as fc from '../support/fast-check.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}`;

describe('parseReference', () => {
  it.each([
    ['nginx', 'docker.io/library/nginx:latest'],
    ['nginx:1.27', 'docker.io/library/nginx:1.27'],
    ['team/app', 'docker.io/team/app:latest'],
    ['docker.io/nginx', 'docker.io/library/nginx:latest'],
    ['index.docker.io/nginx:1', 'docker.io/library/nginx:1'],
    ['registry-1.docker.io/team/app:1', 'docker.io/team/app:1'],
    ['registry.hub.docker.com/library/nginx:1', 'docker.io/library/nginx:1'],
    ['localhost/app', 'localhost/app:latest'],
    ['localhost:5000/app:1', 'localhost:5000/app:1'],
    ['127.0.0.1:5000/a/b/c:1', '127.0.0.1:5000/a/b/c:1'],
    ['[::1]:5000/app:1', '[::1]:5000/app:1'],
    ['Registry.Example.COM/app:V1', 'registry.example.com/app:V1'],
    ['registry:5000/app', 'registry:5000/app:latest'],
    ['quay.io/a/b-c__d.e:x_Y.z-1', 'quay.io/a/b-c__d.e:x_Y.z-1'],
    [`nginx@${DIGEST}`, `docker.io/library/nginx@${DIGEST}`],
    [`quay.io/a/b:1@${DIGEST}`, `quay.io/a/b:1@${DIGEST}`],
  ])('reads %s as %s', (text, full) => {
    expect(formatReference(parseReference(text))).toBe(full);
    expect(parseReference(full)).toEqual(parseReference(text));
  });

  it('gives the repository its full name', () => {
    expect(repositoryName(parseReference('nginx:1'))).toBe('docker.io/library/nginx');
  });

  it('adds a tag only when asked to complete the reference', () => {
    expect(parseReferenceAsWritten('nginx')).toEqual({ domain: 'docker.io', repository: 'library/nginx' });
    expect(parseReference(`nginx@${DIGEST}`).tag).toBeUndefined();
  });

  it.each([
    ['', 'it is empty'],
    ['a b', 'white space'],
    ['https://quay.io/a', 'scheme'],
    ['docker://nginx', 'scheme'],
    ['NGINX', 'not lower-case'],
    ['team/App:1', 'not lower-case'],
    ['a//b', 'a part of its name is empty'],
    ['quay.io/', 'a part of its name is empty'],
    ['quay.io:x/a', 'registry "quay.io:x"'],
    ['-quay.io/a', 'registry "-quay.io"'],
    ['a..b/c', 'registry "a..b"'],
    ['a.b:99999/c', 'registry "a.b:99999"'],
    ['999.1.1.1/c', 'registry "999.1.1.1"'],
    ['team/a..b', 'not lower-case'],
    ['a_-b', 'not lower-case'],
    ['nginx:', 'tag ""'],
    ['nginx:-1', 'tag "-1"'],
    [`nginx:${'x'.repeat(129)}`, 'tag'],
    ['nginx@sha256:abc', 'digest "sha256:abc"'],
    [`nginx@sha512:${'ab'.repeat(64)}`, 'is not sha256'],
    ['nginx@', 'digest ""'],
    ['ab'.repeat(32), 'image ID'],
    ['a'.repeat(256), 'longer than 255'],
    ['../../etc/passwd', 'registry ".."'],
    ['team/../x', '".." in its name'],
  ])('refuses %j, because %s', (text, reason) => {
    expect(() => parseReference(text)).toThrow(
      expect.objectContaining({ code: 'REFERENCE_INVALID', message: expect.stringContaining(reason) }),
    );
  });

  it('reads back whatever it wrote', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'Z', '0', '.', '-', '_', ':', '/', '@', 'sha256:', 'localhost', 'docker.io') }),
        (text) => {
          let full: string;
          try {
            full = formatReference(parseReference(text));
          } catch {
            return;
          }
          expect(formatReference(parseReference(full))).toBe(full);
        },
      ),
    );
  });
});
