import { differenceOf, type BundleReader, type Change } from '../../bundle/index.ts';
import { formatSize } from '../../core/index.ts';
import { formatTable } from '../../ui/index.ts';
import type { CommandOutput } from '../command.ts';

/** Formats the result of `inspect OLD NEW`: only images, packages and files that differ. */
export function describeDifference(from: BundleReader, to: BundleReader): CommandOutput {
  const difference = differenceOf(from.manifest, to.manifest);
  const { images, packages, files, size, newContent } = difference;
  const sections = [
    section('Images', images, ({ digest, size: bytes }) => [digest.slice(0, 19), formatSize(bytes)]),
    section('Packages', packages, ({ version, size: bytes }) => [version, formatSize(bytes)]),
    section('Files', files, ({ digest, size: bytes }) => [digest.slice(0, 19), formatSize(bytes)]),
  ].filter((text) => text !== '');
  const text = [
    `${titleOf(from)} -> ${titleOf(to)}`,
    ...(sections.length === 0 ? ['', 'Nothing differs'] : sections),
    '',
    `Content: ${formatSize(size.from)} -> ${formatSize(size.to)}; ${formatSize(newContent)} are new`,
  ].join('\n');
  return { text, data: { from: identityOf(from), to: identityOf(to), ...difference } };
}

function section<T>(title: string, changes: readonly Change<T>[], describe: (state: T) => readonly string[]): string {
  if (changes.length === 0) return '';
  const side = (state: T | undefined): string => (state === undefined ? '-' : describe(state).join(' '));
  const rows = changes.map(({ name, from, to }) => [signOf(from, to), name, side(from), side(to)]);
  return `\n${title} (${changes.length})\n${formatTable(['', 'NAME', 'BEFORE', 'AFTER'], rows)}`;
}

function signOf(from: unknown, to: unknown): string {
  if (from === undefined) return '+';
  return to === undefined ? '-' : '~';
}

function titleOf({ manifest: { name, version } }: BundleReader): string {
  return `${name} ${version}`;
}

function identityOf({ manifest: { name, version, date }, bundleDigest, size }: BundleReader) {
  return { name, version, date, digest: bundleDigest, size };
}
