import { describe, expect, it } from 'vitest';
import { edited, linesOf } from './lint-sample.ts';

const WEB = 'components/web/component.yaml';
const artifact = (line: string) => edited(WEB, 'services:', `artifacts: [${line}]\nservices:`);

describe('files of components and of the list', () => {
  it('are right where the list has them, and may be there for people alone', async () => {
    const listedFiles = 'https://a.example/ctl.tar.gz as tools/ctl.tar.gz\nhttps://a.example/handbook.pdf\nhttps://a.example/x.zip\n';
    for (const line of [
      '{ path: /opt/ctl, file: tools/ctl.tar.gz, member: /ctl }',
      '{ path: /opt/ctl.tar.gz, file: tools/ctl.tar.gz }',
      '{ path: /opt/x, file: x.zip }',
    ])
      expect(await linesOf({ files: artifact(line), listedFiles })).toEqual([]);
  });

  it('are missing where no list has them, and the nearest one is named', async () => {
    const files = artifact('{ path: /opt/ctl, file: tools/ctl.tgz }');
    const where = `error m/${WEB}:8:37: artifacts[0].file:`;
    expect(await linesOf({ files })).toEqual([
      `${where} there is no files.txt, and so no file "tools/ctl.tgz" (add a line for it there: URL as tools/ctl.tgz)`,
    ]);
    expect(await linesOf({ files, listedFiles: 'https://a.example/x as tools/ctl.tgx' })).toEqual([
      `${where} files.txt has no file "tools/ctl.tgz" (did you mean "tools/ctl.tgx"?)`,
    ]);
  });

  it('are no archives that hosts take apart: zip, and tar with other compressions', async () => {
    for (const end of ['zip', 'tar.xz', 'txz', 'tar.zst', 'tbz2']) {
      const name = `ctl.${end}`;
      const lines = await linesOf({
        files: artifact(`{ path: /opt/ctl, file: ${name}, member: /ctl }`),
        listedFiles: `https://a.example/${name}`,
      });
      expect(lines).toEqual([expect.stringContaining(`artifacts[0].file: "${name}" is no archive that hosts take apart`)]);
    }
  });

  it('clash where two components want them at one place differently', async () => {
    const listedFiles = 'https://a.example/a\nhttps://a.example/b\n';
    const files = artifact('{ path: /opt/x, file: a }, { path: /opt/x, file: b }');
    expect(await linesOf({ files, listedFiles })).toEqual([expect.stringContaining('"/opt/x" is also wanted by the component itself')]);
  });
});
