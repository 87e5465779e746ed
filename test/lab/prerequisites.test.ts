import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { heldCapabilities } from './capabilities.ts';
import { aptMirror } from './prerequisites.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'caisson-apt-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

const PUBLIC = { main: 'http://ftp.debian.org/debian', security: 'http://security-cdn.debian.org/debian-security' };

describe('aptMirror', () => {
  it('reads sources in stanzas, and passes over disabled ones and other suites', () => {
    write(
      'etc/apt/sources.list.d/debian.sources',
      [
        'Types: deb\nURIs: http://other.example/deb\nSuites: nodistro\nComponents: main\n',
        '# a comment\nTypes: deb\nEnabled: no\nURIs: http://off.example/debian\nSuites: bookworm\nComponents: main\n',
        'Types: deb deb-src\nURIs: http://mirror.example/debian/\nSuites: bookworm\n bookworm-updates\nComponents: main\n',
        'Types: deb\nURIs: https://mirror.example/security\nSuites: bookworm-security\nComponents: main\n',
      ].join('\n'),
    );
    expect(aptMirror(root)).toEqual({ main: 'http://mirror.example/debian', security: 'https://mirror.example/security' });
  });

  it('reads one-line sources', () => {
    write(
      'etc/apt/sources.list',
      '#deb http://off.example/debian bookworm main\ndeb [arch=amd64 signed-by=/k.gpg] http://one.example/debian bookworm main\n',
    );
    write('etc/apt/sources.list.d/security.list', 'deb http://two.example/debian-security bookworm-security main\n');
    expect(aptMirror(root)).toEqual({ main: 'http://one.example/debian', security: 'http://two.example/debian-security' });
  });

  it('follows a list of mirrors in a file, as cloud images have it', () => {
    write(
      'etc/apt/sources.list.d/debian.sources',
      'Types: deb\nURIs: mirror+file:///etc/apt/mirrors/debian.list\nSuites: trixie\nComponents: main\n',
    );
    write('etc/apt/mirrors/debian.list', 'https://cloud.example/debian\nhttps://second.example/debian\n');
    expect(aptMirror(root)).toEqual({ ...PUBLIC, main: 'https://cloud.example/debian' });
  });

  it('is the public archive on a machine that is not Debian', () => {
    write('etc/apt/sources.list', 'deb http://archive.example/ubuntu noble main universe\n');
    expect(aptMirror(root)).toEqual(PUBLIC);
  });
});

describe('heldCapabilities', () => {
  it('names those of the bounding set, without those that would reach the outer machine', () => {
    expect(heldCapabilities('CapBnd:\t0000000002201003\n')).toEqual(['CHOWN', 'DAC_OVERRIDE', 'NET_ADMIN', 'SYS_ADMIN']);
  });

  it('leaves out what an old engine does not know', () => {
    const all = heldCapabilities('CapBnd:\t000001ffffffffff\n');
    expect(all).toContain('SYS_RESOURCE');
    expect(all).not.toContain('BPF');
    expect(all).not.toContain('SYS_MODULE');
  });
});
