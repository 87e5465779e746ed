import { describe, expect, it } from 'vitest';
import { parseDestination } from '../../src/push/index.ts';
import { repositoryFor } from '../../src/push/destination.ts';

describe('the place that images are pushed to', () => {
  it.each([
    ['registry.site:5000', 'registry.site:5000', ''],
    ['registry.site', 'registry.site', ''],
    ['localhost/team/', 'localhost', 'team'],
    ['harbor.site/project/part', 'harbor.site', 'project/part'],
    ['[::1]:5000/x', '[::1]:5000', 'x'],
    ['docker.io/team', 'docker.io', 'team'],
  ])('%s is a registry and a path in it', (text, domain, prefix) => {
    expect(parseDestination(text)).toEqual({ domain, prefix });
  });

  it.each([
    ['', /not a host name/],
    ['project', /not a host name/],
    ['https://registry.site', /it has a scheme/],
    ['registry.site:5000/Team', /lower-case/],
    ['registry.site:port/team', /not a host name or host:port/],
    ['registry.site/team:1', /lower-case/],
    ['registry.site//team', /empty/],
    ['registry.site/../team', /lower-case/],
    ['user@registry.site/team', /./],
  ])('%s is refused', (text, reason) => {
    expect(() => parseDestination(text)).toThrow(expect.objectContaining({ code: 'USAGE', message: expect.stringMatching(reason) }));
  });
});

describe('the name of an image there', () => {
  const top = { domain: 'registry.site', prefix: '' };
  const project = { domain: 'registry.site', prefix: 'project' };

  it.each([
    ['docker.io/library/nginx:1.25', project, false, 'project/library/nginx', '1.25'],
    ['docker.io/library/nginx:1.25', top, false, 'library/nginx', '1.25'],
    ['quay.io/team/app:1', project, true, 'project/quay.io/team/app', '1'],
    ['127.0.0.1:5000/team/app:1', top, true, '127.0.0.1-5000/team/app', '1'],
    ['[::1]:5000/team/app:1', top, true, '1-5000/team/app', '1'],
  ])('of %s', (name, destination, keepDomain, repository, tag) => {
    expect(repositoryFor(name, destination, keepDomain)).toEqual({ repository, tag });
  });

  it('has no tag when it has none in the bundle', () => {
    expect(repositoryFor(`docker.io/team/app@sha256:${'0'.repeat(64)}`, top, false)).toEqual({ repository: 'team/app' });
  });

  it('may not become too long', () => {
    const long = { domain: 'registry.site', prefix: 'a'.repeat(240) };
    expect(() => repositoryFor('docker.io/team/application:1', long, false)).toThrow(/longer than 255/);
  });
});
