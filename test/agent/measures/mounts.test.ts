import { describe, expect, it } from 'vitest';
import { mountOf, parseMounts } from '../../../src/agent/measures/mounts.ts';

const MOUNTINFO = `22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
23 22 0:21 / /proc rw,nosuid shared:12 - proc proc rw
40 22 254:16 / /data/a\\040b rw,relatime shared:20 master:3 - xfs /dev/vdb rw
41 22 0:50 / /shared rw,relatime shared:21 - nfs4 10.0.0.9:/export rw,vers=4.2
42 22 0:51 / /shared rw,relatime shared:22 - fuse.glusterfs 10.0.0.9:/vol rw
`;
const mounts = parseMounts(MOUNTINFO);

describe('parseMounts', () => {
  it('reads each mount point with its escapes, and whether another machine answers for it', () => {
    expect(mounts).toEqual([
      { point: '/', isRemote: false },
      { point: '/proc', isRemote: false },
      { point: '/data/a b', isRemote: false },
      { point: '/shared', isRemote: true },
    ]);
  });

  it.each([
    ['0:50', 'nfs4', true],
    ['0:51', 'fuse.sshfs', true],
    ['0:52', 'some-new-type', true],
    ['0:53', 'overlay', false],
    ['0:54', 'btrfs', false],
    ['8:17', 'fuseblk', false],
  ])('takes one of device %s and type %s for remote: %s', (device, type, isRemote) => {
    expect(parseMounts(`1 2 ${device} / /a rw - ${type} x rw`)).toEqual([{ point: '/a', isRemote }]);
  });

  it('leaves out what is no line of that form, and ends on any text', () => {
    for (const text of ['', '\n\n', 'x', '1 2 3', '1 2 3 / ', '1 2 3 / /a', ' - ', '1 2 3 / /a rw -', '1 2 3 / /a rw - ', '\\999 - \\']) {
      expect(parseMounts(text), text).toEqual([]);
    }
  });

  it('has the last one of a mount point, which covers the others', () => {
    const line = (device: string, type: string): string => `1 2 ${device} / /a rw - ${type} x rw\n`;
    expect(parseMounts(line('0:1', 'nfs') + line('8:1', 'ext4'))).toEqual([{ point: '/a', isRemote: false }]);
  });
});

describe('mountOf', () => {
  it.each([
    ['/', '/'],
    ['/data', '/'],
    ['/data/a b', '/data/a b'],
    ['/data/a b/c', '/data/a b'],
    ['/data/a bc', '/'],
    ['/shared/x/y', '/shared'],
  ])('has %s on %s', (path, point) => {
    expect(mountOf(path, mounts)?.point).toBe(point);
  });

  it('has none where nothing is mounted', () => {
    expect(mountOf('/a', [])).toBeUndefined();
  });
});
