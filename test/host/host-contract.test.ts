import { CONTRACT_REPLIES, describeHost } from '../contract/host.ts';
import { openLocalHost } from '../../src/host/index.ts';
import { fakeHost } from '../support/fake-host.ts';
import { startSshServer } from '../support/ssh-server.ts';
import { onThisMachine } from './temp-host.ts';
import { loginTo, openTestHost } from '../ssh/ssh-login.ts';

describeHost('LocalHost', () => onThisMachine(openLocalHost({ name: 'local' })));

describeHost('SshHost', async () => {
  const { key, options } = loginTo();
  const server = await startSshServer({ authorized: [key] });
  return onThisMachine(await openTestHost(server, options), () => server.stop());
});

describeHost('FakeHost', async () => {
  const host = fakeHost({ replies: CONTRACT_REPLIES });
  return {
    host,
    directory: '/fake',
    read: async (path) => {
      const file = host.files.get(path);
      return file === undefined ? undefined : { content: file.content, mode: file.mode };
    },
    names: async (directory) =>
      [...host.files.keys()].filter((path) => path.startsWith(`${directory}/`)).map((path) => path.slice(directory.length + 1)),
    stop: async () => {},
  };
});
