import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openWorkshop, packageFiles, type Workshop } from '../builder/workshop.ts';
import { builtCaisson, type BuiltEnded } from '../support/built-caisson.ts';
import { startDockerRegistry, type DockerRegistry } from '../support/docker-registry.ts';
import { startForwardProxy, type ForwardProxy } from '../support/forward-proxy.ts';
import { useLoopbackServers } from '../support/loopback-server.ts';
import { sampleImage, sampleLayer } from '../support/sample-image.ts';
import { testAuthority } from '../support/test-certificates.ts';

const USER = { name: 'user', password: 'pa:ss word', hash: '$2b$05$abcdefghijklmnopqrstuuDvFYunEEkRAUw6hKd4mLN/wdxTQz.ki' };
const PROXY_PASSWORD = 'pr0xys3cr3t';

describe('in a network of a company', () => {
  const startServer = useLoopbackServers();
  let workshop: Workshop;
  let registry: DockerRegistry;
  let proxy: ForwardProxy;
  let env: Record<string, string>;

  beforeEach(async () => {
    workshop = await openWorkshop({ images: {} });
    await workshop.write('images.txt', 'registry.invalid/team/web:1.0\n');
    const authority = await testAuthority();
    await workshop.write('company-ca.pem', authority.cert);
    registry = await startDockerRegistry({ user: USER, tls: await authority.issue(['registry.invalid']) });
    await registry.push('team/web:1.0', sampleImage([sampleLayer('web', 3_000_000)]));

    const files = await packageFiles({ hello: 'the hello package' });
    const packages = await startServer((request, response) => {
      const content = files.get(`http://packages.example${request.url ?? ''}`);
      if (content === undefined) response.writeHead(404).end();
      else response.end(content);
    });
    proxy = await startForwardProxy({
      hosts: {
        'packages.example:80': Number(new URL(packages.origin).port),
        'registry.invalid:443': Number(registry.host.split(':')[1]),
      },
      authorization: `Basic ${Buffer.from(`proxyuser:${PROXY_PASSWORD}`).toString('base64')}`,
    });

    const helpers = join(workshop.directory, 'bin');
    await mkdir(helpers);
    const answer = JSON.stringify({ Username: USER.name, Secret: USER.password });
    await writeFile(join(helpers, 'docker-credential-company'), `#!/bin/sh\ncat > /dev/null\necho '${answer}'\n`);
    await chmod(join(helpers, 'docker-credential-company'), 0o755);
    await workshop.write('docker/config.json', JSON.stringify({ credHelpers: { 'registry.invalid': 'company' } }));
    const address = `http://proxyuser:${PROXY_PASSWORD}@127.0.0.1:${proxy.port}`;
    env = {
      PATH: `${helpers}:${process.env['PATH']}`,
      DOCKER_CONFIG: join(workshop.directory, 'docker'),
      HTTP_PROXY: address,
      HTTPS_PROXY: address,
    };
  });
  afterEach(async () => {
    await proxy.close();
    await registry.stop();
    await workshop.remove();
  });

  async function build(more: readonly string[], changes: Readonly<Record<string, string>> = {}): Promise<BuiltEnded> {
    const { directory } = workshop;
    const words = [
      'build-bundle',
      ...['--manifests', join(directory, 'manifests')],
      ...['--images', join(directory, 'images.txt')],
      ...['--lock', join(directory, 'bundle.lock.json')],
      ...['--output', join(directory, 'demo.tar')],
      ...['--executable', join(directory, 'caisson-linux-amd64')],
    ];
    return builtCaisson([...words, ...more], { env: { ...env, ...changes } });
  }

  function trust(): string[] {
    return ['--ca', join(workshop.directory, 'company-ca.pem')];
  }

  it('builds and pushes through the proxy, trusting the authority and using the helper, and tells no password', async () => {
    const built = await build(trust());
    expect(built).toMatchObject({ status: 0 });
    expect(proxy.asked).toContain('CONNECT registry.invalid:443');
    expect(proxy.asked).toContain('GET http://packages.example/debian/dists/bookworm/InRelease');
    expect(proxy.asked.filter((line) => line.startsWith('CONNECT') && !line.endsWith(':443'))).toEqual([]);

    const pushed = await builtCaisson(['push', join(workshop.directory, 'demo.tar'), 'registry.invalid/site', ...trust()], { env });
    expect(pushed).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/registry\.invalid\/site\/team\/web:1\.0 +sha256:[0-9a-f]{64} +pushed/),
    });
    // They are in the same registry, and still in another repository: nobody told us that it has them.
    expect(registry.requests.filter(({ method, status }) => method === 'PUT' && status === 201)).not.toEqual([]);
    for (const { stdout, stderr } of [built, pushed]) {
      for (const secret of [PROXY_PASSWORD, USER.password]) expect(stdout + stderr).not.toContain(secret);
    }
  });

  it('says what is missing: the authority, the way through the proxy, its password', async () => {
    const untrusted = await build([]);
    expect(untrusted).toMatchObject({
      status: 5,
      stderr: expect.stringMatching(/"registry\.invalid" comes from an authority that is not trusted here/),
    });
    const direct = await build(trust(), { NO_PROXY: 'registry.invalid' });
    expect(direct).toMatchObject({ status: 5, stderr: expect.stringMatching(/host name/) });
    const wrong = `http://proxyuser:wr0ngs3cr3t@127.0.0.1:${proxy.port}`;
    const refused = await build(trust(), { HTTP_PROXY: wrong, HTTPS_PROXY: wrong });
    expect(refused).toMatchObject({
      status: 5,
      stderr: expect.stringMatching(/the proxy "http:\/\/127\.0\.0\.1:\d+" asks for a user name and password/),
    });
    for (const { stdout, stderr } of [untrusted, direct, refused]) expect(stdout + stderr).not.toMatch(/pr0xys3cr3t|wr0ngs3cr3t/);
  });
});
