import { describe, expect, it } from 'vitest';
import { CaissonError, hasCode, InvalidInputError, redact } from '../../src/core/index.ts';

describe('CaissonError', () => {
  it('carries the exit status of its code', () => {
    expect(new CaissonError('USAGE', 'Cannot do it').exitStatus).toBe(2);
    expect(hasCode(new CaissonError('USAGE', 'Cannot do it'), 'USAGE')).toBe(true);
    expect(hasCode(new Error('USAGE'), 'USAGE')).toBe(false);
  });

  it('redacts secrets in message and hint before anybody sees them', () => {
    const error = new CaissonError('FETCH_FAILED', 'Cannot get "https://joe:hunter2@registry.example/v2/"', {
      hint: 'Authorization: Bearer abc.def',
    });
    expect(error.message).toBe('Cannot get "https://***@registry.example/v2/"');
    expect(error.hint).toBe('Authorization: Bearer ***');
  });
});

describe('InvalidInputError', () => {
  it('lists every mistake with place, path and remedy', () => {
    const error = new InvalidInputError('cluster.yaml', [
      { position: { line: 3, column: 5 }, path: 'nodes[0].address', reason: 'is not an IP address', remedy: 'write it as 10.0.0.11' },
      { reason: 'nodes is missing' },
    ]);
    expect(error.message).toBe(`Cannot use "cluster.yaml":
  cluster.yaml:3:5: nodes[0].address: is not an IP address (write it as 10.0.0.11)
  cluster.yaml: nodes is missing`);
    expect(error.data).toMatchObject({ file: 'cluster.yaml', problems: [{ path: 'nodes[0].address' }, {}] });
  });
});

describe('redact', () => {
  it.each([
    ['https://user:pass@host/path', 'https://***@host/path'],
    ['authorization: Basic dXNlcjpwYXNz', 'authorization: Basic ***'],
    ['{"password":"hunter2"}', '{"password":"***"}'],
    ['password: hunter2', 'password: ***'],
    ['?token=abc&x=1', '?token=***&x=1'],
    ['https://s3.example/blob?X-Amz-Signature=0123&Expires=1', 'https://s3.example/blob?X-Amz-Signature=***&Expires=1'],
  ])('hides the secret in %s', (text, redacted) => {
    expect(redact(text)).toBe(redacted);
  });

  it.each([
    'docker.io/library/vault-secret:v1',
    'cannot read the token file',
    'registry.example:5000/password:1.0',
    'cluster.yaml:3:1: ssh.password: unknown key',
  ])('leaves %s as it is', (text) => {
    expect(redact(text)).toBe(text);
  });
});
