import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { BUNDLE_API_VERSIONS, planBundle } from '../../../src/bundle/index.ts';
import { small } from '../../support/small-bundle.ts';

const DOCUMENT = readFileSync(resolve(import.meta.dirname, '../../../docs/format.md'), 'utf8');

/** The smallest bundle worth showing: one document. */
const plan = planBundle({
  name: 'example',
  version: '1.0',
  platforms: ['linux/amd64'],
  date: new Date('2026-01-31T12:00:00Z'),
  images: [],
  repositories: [],
  files: [small('documents/hello.txt', 'hello\n', 'document')],
});

function contentOf(path: string): string {
  return Buffer.from(plan.members.find((member) => member.path === path)?.content ?? [])
    .toString('utf8')
    .trimEnd();
}

function expectBlock(language: string, text: string): void {
  expect(DOCUMENT).toContain(`\`\`\`${language}\n${text}\n\`\`\``);
}

it('shows the bundle.json of the example', () => {
  expectBlock('json', contentOf('bundle.json'));
});

it('shows the SHA256SUMS of the example', () => {
  expectBlock('text', contentOf('SHA256SUMS'));
});

it('shows where the members of the example lie', () => {
  const rows = plan.members.map(({ path, headerOffset, offset, size }) => `| ${path} | ${headerOffset} | ${offset} | ${size} |`);
  expect(DOCUMENT).toContain(rows.join('\n'));
  expect(DOCUMENT).toContain(`The end blocks make ${plan.size} bytes of it.`);
});

it.each(BUNDLE_API_VERSIONS)('has %s among the versions of the format', (version) => {
  expect(DOCUMENT).toContain(`| \`${version}\` |`);
});
