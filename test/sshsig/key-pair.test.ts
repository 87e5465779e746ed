import ssh2 from 'ssh2';
import { describe, expect, it } from 'vitest';
import { makeSshKeyPair } from '../../src/sshsig/index.ts';

const { utils } = ssh2;

describe('makeSshKeyPair', () => {
  it('makes pairs that are read as they were made, every one of 600', () => {
    const seen = new Set<string>();
    for (let count = 0; count < 600; count += 1) {
      const pair = makeSshKeyPair('caisson sample');
      const [type = '', base64 = '', ...comment] = pair.public.trimEnd().split(' ');
      expect([type, comment.join(' ')]).toEqual(['ssh-ed25519', 'caisson sample']);
      const parsed = utils.parseKey(pair.private);
      if (parsed instanceof Error) throw parsed;
      expect(parsed.comment).toBe('caisson sample');
      expect(parsed.getPublicSSH().toString('base64')).toBe(base64);
      const data = Buffer.from('data');
      const signature = parsed.sign(data);
      if (signature instanceof Error) throw signature;
      const open = utils.parseKey(pair.public);
      expect(!(open instanceof Error) && open.verify(data, signature)).toBe(true);
      seen.add(base64);
    }
    expect(seen.size).toBe(600);
  });
});
