import { describe, expect, it } from 'vitest';
import { SiteWriter } from '../../../src/usecases/apply/site-writer.ts';
import { sampleRecord } from '../../support/sample-site.ts';
import { memorySiteStore } from './sample-run.ts';

const add = (name: string) => (record: ReturnType<typeof sampleRecord>) => ({ ...record, secrets: [...record.secrets, name] });

describe('SiteWriter', () => {
  it('writes one change after the other, each over the one before, however many ask at once', async () => {
    const first = sampleRecord({ secrets: [] });
    const store = memorySiteStore(first);
    const writer = new SiteWriter(store, first, first.revision);
    const names = Array.from({ length: 50 }, (_, index) => `s${index}`);
    await Promise.all(names.map((name) => writer.update(add(name))));
    expect(writer.record.secrets).toEqual(names);
    expect(store.written.map(({ revision, secrets }) => [revision, secrets.length])).toEqual(
      names.map((_, index) => [index + 4, index + 1]),
    );
    expect(await store.read()).toEqual(writer.record);
  });

  it('starts a record where there is none', async () => {
    const store = memorySiteStore();
    const writer = new SiteWriter(store, sampleRecord({ revision: 0 }), undefined);
    await writer.update(add('a'));
    await writer.update(add('b'));
    expect(await store.read()).toMatchObject({ revision: 2, secrets: ['store-root', 'a', 'b'] });
  });

  it('shows a record only once it is written', async () => {
    const first = sampleRecord({ secrets: [] });
    const writer = new SiteWriter(memorySiteStore(first), first, first.revision);
    const writing = writer.update(add('a'));
    expect(writer.record.secrets).toEqual([]);
    await writing;
    expect(writer.record.secrets).toEqual(['a']);
  });

  it('tells whoever asked for it of a write that failed, and goes on with those behind it', async () => {
    const first = sampleRecord({ secrets: [] });
    const store = memorySiteStore(first);
    const writer = new SiteWriter(store, first, first.revision);
    const failing = writer.update(() => {
      throw new Error('cannot be changed');
    });
    const [failed, done] = await Promise.allSettled([failing, writer.update(add('b'))]);
    expect([failed?.status, done?.status]).toEqual(['rejected', 'fulfilled']);
    expect((await store.read())?.secrets).toEqual(['b']);
  });

  it('writes nothing over a record that another process wrote', async () => {
    const first = sampleRecord({ secrets: [] });
    const store = memorySiteStore(first);
    const writer = new SiteWriter(store, first, first.revision);
    await store.write(add('theirs')(first), first.revision);
    await expect(writer.update(add('ours'))).rejects.toThrow('there is revision 4');
    expect((await store.read())?.secrets).toEqual(['theirs']);
  });

  it('removes the record after the writes before it', async () => {
    const first = sampleRecord();
    const store = memorySiteStore(first);
    const writer = new SiteWriter(store, first, first.revision);
    const writing = writer.update(add('a'));
    await writer.remove();
    await writing;
    expect(await store.read()).toBeUndefined();
  });
});
