import { describe, expect, it } from 'vitest';
import { CaissonError } from '../../../src/core/index.ts';
import { parseMirrorList, type MirrorList } from '../../../src/ospkg/rpm/mirrors.ts';
import { operatingSystemSchema } from '../../../src/manifests/index.ts';
import fc from '../../support/fast-check.ts';

const read = (text: string | Buffer): MirrorList =>
  parseMirrorList(Buffer.from(text), { what: 'http://list.example/m', architecture: 'x86_64' });

const [NEW, OLD] = ['a'.repeat(64), 'b'.repeat(128)];
const METALINK = `<?xml version="1.0"?>
<metalink version="3.0" xmlns="http://www.metalinker.org/" xmlns:mm0="http://fedorahosted.org/mirrormanager">
 <files><file name="repomd.xml">
  <size>10</size>
  <verification><hash type="md5">00</hash><hash type="sha256">${NEW}</hash></verification>
  <mm0:alternates><mm0:alternate><verification><hash type="sha512">${OLD}</hash></verification></mm0:alternate></mm0:alternates>
  <resources maxconnections="1">
   <url protocol="rsync" type="rsync" preference="100">rsync://a.example/os/repodata/repomd.xml</url>
   <url protocol="http" preference="90">http://b.example/os/repodata/repomd.xml</url>
   <url protocol="https" preference="100">https://c.example/os//repodata/repomd.xml</url>
   <url protocol="https" preference="99">https://user:word@d.example/os/repodata/repomd.xml</url>
   <url protocol="https" preference="99">https://e.example/os/other.xml</url>
  </resources>
 </file></files>
</metalink>`;

describe('parseMirrorList', () => {
  it('reads a metalink: mirrors by preference, and the digests of this state and the last ones', () => {
    expect(read(METALINK)).toEqual({
      mirrors: ['https://c.example/os', 'http://b.example/os'],
      repomd: [`sha256:${NEW}`, `sha512:${OLD}`],
    });
  });

  it('reads a list of addresses, with the architecture in them', () => {
    const text =
      '# comment\r\n\r\nhttp://a.example/$basearch/os/\r\nftp://b.example/os\nhttps://c.example/os?token=1\nhttp://a.example/x86_64/os\n';
    expect(read(text)).toEqual({ mirrors: ['http://a.example/x86_64/os'], repomd: [] });
  });

  it.each([
    ['nothing', ''],
    ['no address', '# only a comment\n/var/lib\n'],
    ['addresses with logins alone', 'https://user:word@a.example/os\n'],
    ['text that is not UTF-8', Buffer.from([0x68, 0xff])],
    ['another document', '<html/>'],
    ['a metalink without repomd.xml', METALINK.replace('"repomd.xml"', '"other"')],
    ['a metalink with weak digests alone', METALINK.replaceAll('sha256', 'sha1').replaceAll('sha512', 'md5')],
    ['a metalink without mirrors', METALINK.replaceAll('repodata/repomd.xml', 'repodata')],
    ['a metalink that is cut short', METALINK.slice(0, 300)],
  ])('refuses %s', (_, text) => expect(() => read(text)).toThrow(CaissonError));

  it('ends for any text, with a value or an error of ours', () => {
    const part = fc.constantFrom('<', '>', '/', 'metalink', 'files', 'http://a.example', '\n', '#', ' ', '"', '=', '$basearch', 'é');
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        try {
          read(parts.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(CaissonError);
        }
      }),
    );
  });
});

describe('the address of a list of mirrors in a manifest', () => {
  const findings = (url: string, mirrors?: boolean): readonly string[] => {
    const repository = { url, signedBy: 'keys/a.asc', ...(mirrors === undefined ? {} : { mirrors }) };
    const head = { apiVersion: 'caisson/v1', kind: 'OperatingSystem', id: 'rocky', version: '9', packages: 'rpm' };
    return operatingSystemSchema.safeParse({ ...head, repositories: [repository] }).error?.issues.map(({ message }) => message) ?? [];
  };

  it('may have the parameters of such lists, and no others', () => {
    expect(findings('https://mirrors.example/metalink?repo=epel-9&arch=$basearch&protocol=https', true)).toEqual([]);
    expect(findings('https://mirrors.example/metalink?repo=epel-9')).toEqual([expect.stringContaining('mirrors: true')]);
    for (const query of ['?token=abc', '?repo=a&key=b', '?repo=a&', '?repo', '?repo=a#b'])
      expect(findings(`https://mirrors.example/metalink${query}`, true)).toEqual([expect.stringContaining('holds a login or a query')]);
  });
});
