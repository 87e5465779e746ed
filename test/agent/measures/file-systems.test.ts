import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileSystems, type Room } from '../../../src/agent/measures/file-systems.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const temp = useTempDir();
const ROOM: Room = { size: 100, available: 50, inodes: 10, inodesFree: 5 };

/** Writes a mountinfo with these mounts: point and type. */
async function mountinfo(...mounts: readonly (readonly [string, string])[]): Promise<string> {
  const path = join(temp(), 'mountinfo');
  await writeFile(
    path,
    mounts.map(([point, type]) => `1 2 ${type === 'ext4' || type === 'xfs' ? 8 : 0}:1 / ${point} rw - ${type} x rw\n`).join(''),
  );
  return path;
}

describe('FileSystems', () => {
  it('measures the file system of this machine', async () => {
    const [root, ...others] = await new FileSystems({ directories: ['/', '/no-such-directory'] }).read();
    expect(others).toEqual([]);
    expect(root?.mount).toBe('/');
    expect(root?.room?.size).toBeGreaterThan(root?.room?.available ?? Number.POSITIVE_INFINITY);
    expect(root?.room?.available).toBeGreaterThan(0);
  });

  it('measures each file system once, also behind a link', async () => {
    const [data, link] = [join(temp(), 'data'), join(temp(), 'link')];
    await mkdir(data);
    await symlink(data, link);
    const asked: string[] = [];
    const systems = new FileSystems({
      directories: ['/', temp(), link, join(data, 'a'), data],
      mountinfo: await mountinfo(['/', 'ext4'], [data, 'xfs']),
      measure: async (mount) => {
        asked.push(mount);
        return ROOM;
      },
    });
    expect(await systems.read()).toEqual([
      { mount: '/', room: ROOM },
      { mount: data, room: ROOM },
    ]);
    expect(asked).toEqual(['/', data]);
  });

  it('leaves one that does not answer, asks it no second time meanwhile, and has it again when it answers', async () => {
    const waiting: ((room: Room) => void)[] = [];
    let isGone = true;
    let asked = 0;
    const systems = new FileSystems({
      directories: ['/', '/shared/a'],
      limitMs: 20,
      mountinfo: await mountinfo(['/', 'ext4'], ['/shared', 'nfs4']),
      measure: async (mount) => {
        if (mount === '/') return ROOM;
        asked += 1;
        return isGone ? new Promise((resolve) => waiting.push(resolve)) : ROOM;
      },
    });
    const gone = [
      { mount: '/', room: ROOM },
      { mount: '/shared', room: undefined },
    ];
    expect(await systems.read()).toEqual(gone);
    expect(await systems.read()).toEqual(gone);
    expect(asked).toBe(1);
    isGone = false;
    waiting[0]?.(ROOM);
    await new Promise((resolve) => setImmediate(resolve));
    expect(await systems.read()).toEqual([
      { mount: '/', room: ROOM },
      { mount: '/shared', room: ROOM },
    ]);
  });

  it('asks no further server while two hang, and goes on with the disks of the machine', async () => {
    const asked: string[] = [];
    const systems = new FileSystems({
      directories: ['/a', '/b', '/c', '/d'],
      limitMs: 20,
      mountinfo: await mountinfo(['/a', 'nfs'], ['/b', 'cifs'], ['/c', 'fuse.glusterfs'], ['/d', 'ext4']),
      measure: async (mount) => {
        asked.push(mount);
        return mount === '/d' ? ROOM : new Promise(() => {});
      },
    });
    expect((await systems.read()).map(({ mount, room }) => [mount, room])).toEqual([
      ['/a', undefined],
      ['/b', undefined],
      ['/c', undefined],
      ['/d', ROOM],
    ]);
    expect(asked).toEqual(['/a', '/b', '/d']);
  });

  it('says that one that refuses does not answer', async () => {
    const systems = new FileSystems({
      directories: ['/'],
      mountinfo: await mountinfo(['/', 'ext4']),
      measure: async () => {
        throw new Error('EIO');
      },
    });
    expect(await systems.read()).toEqual([{ mount: '/', room: undefined }]);
  });

  it('reads no mounts for no directory, and rejects where they cannot be read', async () => {
    const none = join(temp(), 'none');
    expect(await new FileSystems({ directories: [], mountinfo: none }).read()).toEqual([]);
    await expect(new FileSystems({ directories: ['/'], mountinfo: none }).read()).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
