import { describe, expect, it } from 'vitest';
import { parseDockerConfig } from '../../src/registry/index.ts';
import { codeOf, HOSTILE_TEXTS } from '../support/hostile-texts.ts';

describe('parseDockerConfig', () => {
  it.each(HOSTILE_TEXTS)('refuses %s, or finds nobody logged in', async (_, text) => {
    const find = async (): Promise<void> => {
      expect(await parseDockerConfig(text, 'config.json')('registry.example/a')).toBeUndefined();
    };
    expect([undefined, 'INPUT_INVALID']).toContain(await codeOf(find));
  });

  it.each([
    '{"auths":[]}',
    '{"auths":{"registry.example":null}}',
    '{"auths":{"registry.example":{"auth":1}}}',
    '{"auths":{"registry.example":{"auth":"%%%"}}}',
    '{"auths":{"registry.example":{"auth":""}}}',
    '{"auths":{"__proto__":{"auth":"YTpi"}}}',
    '{"__proto__":{"auths":{"registry.example":{"auth":"YTpi"}}}}',
    '{"credHelpers":{"registry.example":{}}}',
    '{"credsStore":[]}',
  ])('finds nobody logged in with %s', async (text) => {
    expect(await parseDockerConfig(text, 'config.json')('registry.example/a')).toBeUndefined();
  });

  it('shows no part of the text in a refusal', () => {
    expect(() => parseDockerConfig('{"auths": hunter2', 'config.json')).toThrow(/^(?![\s\S]*hunter2)/);
  });
});
