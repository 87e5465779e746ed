import { expect, it } from 'vitest';
import { compareRpmVersions } from '../../../src/ospkg/index.ts';
import { drawFrom } from '../../support/rpm-universe.ts';
import { askPython } from '../../support/system-python.ts';
import { useTempDir } from '../../support/temp-dir.ts';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PAIRS = 6000;
const directory = useTempDir();

const SCRIPT = `
import json, rpm, sys
def parts(text):
    epoch, rest = text.split(':', 1) if ':' in text else ('0', text)
    version, release = rest.rsplit('-', 1)
    return (epoch, version, release)
print(json.dumps([rpm.labelCompare(parts(a), parts(b)) for a, b in json.load(open(sys.argv[1]))]))
`;

it(`orders ${PAIRS} generated pairs as rpm does, and each the other way round`, async () => {
  const draw = drawFrom(7);
  const word = (): string => Array.from({ length: 2 + draw.below(5) }, () => draw.pick([...'0011299abzAZ.._+~~^^'])).join('');
  const version = (): string => `${draw.chance(0.2) ? `${draw.below(3)}:` : ''}${word()}-${word()}`;
  const near = (text: string): string => {
    const at = draw.below(text.length);
    return draw.chance(0.5) ? `${text.slice(0, at)}${draw.pick([...'019a.~^_'])}${text.slice(at)}` : text.slice(0, at) + text.slice(at + 1);
  };
  const pairs = Array.from({ length: PAIRS }, (): readonly [string, string] => {
    const first = version();
    const [, epoch = '', body = ''] = /^(\d+:)?(.*)$/.exec(first) ?? [];
    const other = draw.chance(0.7) ? `${epoch}${near(body.slice(0, body.indexOf('-')))}${body.slice(body.indexOf('-'))}` : version();
    return [first, other];
  });
  writeFileSync(join(directory(), 'pairs.json'), JSON.stringify(pairs));
  const answers = (await askPython(directory(), SCRIPT, join(directory(), 'pairs.json'))) as readonly number[];
  const wrong = pairs.filter(([a, b], index) => Math.sign(compareRpmVersions(a, b)) !== answers[index]);
  expect(wrong).toEqual([]);
  expect(pairs.filter(([a, b]) => Math.sign(compareRpmVersions(a, b)) + Math.sign(compareRpmVersions(b, a)) !== 0)).toEqual([]);
  expect(new Set(answers)).toEqual(new Set([-1, 0, 1]));
});
