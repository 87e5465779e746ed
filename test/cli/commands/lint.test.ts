import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { CLEAN, CLEAN_IMAGES } from '../../lint/lint-sample.ts';
import { runCaisson, type Ended } from '../../support/run-caisson.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const temp = useTempDir();

beforeEach(async () => {
  for (const [path, text] of Object.entries(CLEAN)) await write(`manifests/${path}`, text);
  await write('images.txt', CLEAN_IMAGES);
});

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(temp(), path)), { recursive: true });
  await writeFile(join(temp(), path), text);
}

function lint(...words: readonly string[]): Promise<Ended> {
  return runCaisson(['lint', '--manifests', join(temp(), 'manifests'), '--images', join(temp(), 'images.txt'), ...words]);
}

function objectsOf({ out }: Ended): readonly unknown[] {
  return out
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
}

describe('caisson lint', () => {
  it('says that a platform has no mistake, and ends with 0', async () => {
    const ended = await lint();
    expect(ended).toEqual({ status: 0, out: `"${temp()}/manifests" has no mistake\n`, err: '' });
    expect(objectsOf(await lint('--json'))).toEqual([{ type: 'result', outcome: 'clean', findings: [], errors: 0, warnings: 0 }]);
  });

  it('prints and counts warnings, and ends with 0; with --strict they are mistakes', async () => {
    await write('images.txt', `${CLEAN_IMAGES}a/b:1\n`);
    const place = `${temp()}/images.txt:3:1: no component and no template uses "docker.io/a/b:1"`;
    const loose = await lint();
    expect(loose.status).toBe(0);
    expect(loose.out).toBe(`"${temp()}/manifests" has no mistake and 1 warning\n`);
    expect(loose.err).toContain(place);
    const strict = await lint('--strict');
    expect(strict.status).toBe(3);
    expect(strict.err).toContain(`Error LINT_FAILED: Cannot use the manifests with the list of images: 1 mistake\n  ${place}`);
    expect(strict.out).toBe('');
  });

  it('names each mistake with its place and remedy, beside the warnings, and ends with 3', async () => {
    await write('images.txt', 'acme/store:1\na/b:1\n');
    const ended = await lint();
    expect(ended.status).toBe(3);
    expect(ended.out).toBe('');
    expect(ended.err).toContain(`${temp()}/images.txt:2:1: no component and no template uses "docker.io/a/b:1"`);
    expect(ended.err).toContain(
      `  ${temp()}/manifests/components/web/component.yaml:10:25: services[0].container.image: ${temp()}/images.txt has no image "registry.example/web:1" (add a line for it there: SOURCE as registry.example/web:1)\n`,
    );
    expect(objectsOf(await lint('--json')).at(-1)).toMatchObject({
      code: 'LINT_FAILED',
      errors: 1,
      warnings: 1,
      findings: [
        { check: 'unused', level: 'warning', position: { line: 2, column: 1 } },
        { check: 'images', level: 'error', path: 'services[0].container.image', position: { line: 10, column: 25 } },
      ],
    });
  });

  it('refuses documents that cannot be read as an install does', async () => {
    await write('manifests/roles/front.yaml', 'kind: Role\n');
    const ended = await lint();
    expect(ended.status).toBe(3);
    expect(ended.err).toContain('Error INPUT_INVALID: Cannot use the manifests:');
  });

  it('reads a list from the standard input', async () => {
    const words = ['lint', '--manifests', join(temp(), 'manifests'), '--images', '-'];
    const ended = await runCaisson(words, { stdin: 'acme/store:1\n' });
    expect(ended.err).toContain('standard input has no image "registry.example/web:1"');
  });
});
