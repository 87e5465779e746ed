import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Lab } from './hosts.ts';
import type { Connected } from './scenario.ts';

/** The internet as one node of the lab reaches it: a relay to the registry and the mirror of the connected side, which can change a byte. */
export interface Outside {
  /** Host of the internet → address of the relay to what stands in for it. */
  readonly origins: Readonly<Record<string, string>>;
  /** The paths that were asked for until now. */
  readonly asked: readonly string[];
  /** From now on changes one byte of each body whose path has this text; none when it is undefined. */
  damage(text: string | undefined): void;
  stop(): Promise<void>;
}

const PASSED_ON = ['content-type', 'content-length', 'content-range', 'accept-ranges', 'etag', 'last-modified', 'docker-content-digest'];

/** Opens the internet of the connected side to one node, and to no other. */
export async function openOutside(connected: Connected, lab: Lab, node: string): Promise<Outside> {
  const address = await lab.openOutside(node);
  const asked: string[] = [];
  let damaged: string | undefined;
  const servers: Server[] = [];
  const origins: Record<string, string> = {};
  for (const [host, base] of Object.entries(connected.origins)) {
    const server = createServer((request, response) => {
      const path = request.url ?? '/';
      asked.push(path);
      const isDamaged = damaged !== undefined && path.includes(damaged);
      relay(request, response, { url: `${base}${path}`, isDamaged }).catch(() => response.destroy());
    });
    servers.push(server);
    origins[host] = `http://${address}:${await listen(server, address)}`;
  }
  return {
    origins,
    asked,
    damage: (text) => {
      damaged = text;
    },
    stop: async () => {
      for (const server of servers) {
        server.closeAllConnections();
        await new Promise((done) => server.close(done));
      }
    },
  };
}

async function relay(
  { method = 'GET', headers }: IncomingMessage,
  response: ServerResponse,
  { url, isDamaged }: { readonly url: string; readonly isDamaged: boolean },
): Promise<void> {
  const { range, accept } = headers;
  const answer = await fetch(url, {
    method,
    headers: {
      'accept-encoding': 'identity',
      ...(range === undefined ? {} : { range }),
      ...(accept === undefined ? {} : { accept }),
    },
  });
  const passedOn = PASSED_ON.flatMap((name) => {
    const value = answer.headers.get(name);
    return value === null ? [] : [[name, value] as const];
  });
  response.writeHead(answer.status, Object.fromEntries(passedOn));
  if (answer.body === null) {
    response.end();
    return;
  }
  const body = Readable.fromWeb(answer.body);
  await pipeline([body, ...(isDamaged ? [changeOneByte()] : []), response]);
}

/** Changes a byte in the middle of the first chunk. */
function changeOneByte(): Transform {
  let isChanged = false;
  return new Transform({
    transform(chunk: Buffer, _, done) {
      const changed = Buffer.from(chunk);
      const place = changed.length >> 1;
      if (!isChanged) changed.writeUInt8(changed.readUInt8(place) ^ 1, place);
      isChanged = true;
      done(null, changed);
    },
  });
}

function listen(server: Server, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(0, host, () => {
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('The relay has no port'));
      else resolve(address.port);
    });
  });
}
