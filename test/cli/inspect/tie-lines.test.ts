import { expect, it } from 'vitest';
import { tieLines } from '../../../src/cli/inspect/tie-lines.ts';

it('says of a choice between packages that provide a name alike what was taken, and how to decide it', () => {
  const repository = { id: 'debian-12', architecture: 'amd64', packages: 2, size: 1, from: [] };
  const ties = [{ name: 'php-json', taken: 'libapache2-mod-php8.2', others: ['php8.2-cgi', 'php8.2-fpm'] }];
  expect(tieLines({ ...repository, ties })).toEqual([
    'debian-12 amd64: several packages provide "php-json" alike; took libapache2-mod-php8.2, not php8.2-cgi or php8.2-fpm: name one of them in the package set to decide',
  ]);
  expect(tieLines({ ...repository, ties: [] })).toEqual([]);
});
