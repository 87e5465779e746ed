import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/index.ts';
import { HttpClient } from '../../src/net/index.ts';
import { anonymous, RegistryClient, type RegistryRequest } from '../../src/registry/index.ts';
import { LoopbackRegistry } from '../support/loopback-registry.ts';

describe('a registry that limits how often it is asked', () => {
  let registry: LoopbackRegistry;
  let http: HttpClient;

  beforeEach(async () => {
    registry = await LoopbackRegistry.start({ auth: { type: 'bearer' } });
    http = new HttpClient({ retryDelaysMs: [] });
  });
  afterEach(async () => {
    await http.close();
    await registry.close();
  });

  async function ask(limited: string, credentialsName: string, access: RegistryRequest['access'] = 'pull'): Promise<unknown> {
    registry.intercept = (request, response) => {
      if (request.url === '/v2/' && limited === '/login') {
        response.writeHead(401, { 'www-authenticate': `Bearer realm="${registry.origin}/login",service="test"` }).end();
        return true;
      }
      if (request.url?.startsWith(limited) !== true) return false;
      response.writeHead(429, { 'retry-after': '7200', 'content-type': 'application/json' });
      response.end('{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your unauthenticated pull rate limit"}]}');
      return true;
    };
    const endpoint = { origin: registry.origin, prefix: '', credentialsName };
    const client = new RegistryClient(endpoint, { http, findCredentials: anonymous, clock: systemClock });
    const url = `${registry.origin}/v2/library/app/manifests/1`;
    return client.request({ url, repository: 'library/app', access }).catch((error: unknown) => error);
  }

  it.each(['/v2/library', '/login', '/v2/'])('at %s is named, with its words and with what helps', async (limited) => {
    expect(await ask(limited, 'docker.io')).toMatchObject({
      code: 'RATE_LIMITED',
      message: expect.stringMatching(
        new RegExp(
          `"${registry.host}" limits how often it is asked: it answered 429 \\(TOOMANYREQUESTS: You have reached.*\\) and asks to wait 120 min 0 s, until`,
        ),
      ),
      hint: 'Run the same command again then: what has arrived is kept. Who is logged in has a higher limit (docker login); a mirror has its own (--mirror docker.io=URL)',
    });
  });

  it('has its own name in the command to log in with, and no mirror for a push', async () => {
    expect(await ask('/v2/', 'registry.example', 'pull,push')).toMatchObject({
      hint: 'Run the same command again then: what has arrived is kept. Who is logged in has a higher limit (docker login registry.example)',
    });
  });
});
