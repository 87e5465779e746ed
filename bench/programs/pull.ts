// Clients that load a server. They read from plain sockets into one buffer each, so that they cost as little as a client
// can on a machine that the server shares. Argument: PullTask as JSON. Prints PullResult as JSON.
import { connect } from 'node:net';

export interface PullTask {
  readonly host: string;
  readonly clients: number;
  /** Client n begins with path n and goes on in turn. */
  readonly paths: readonly string[];
  /** Accept header. */
  readonly accept: string;
  /** How many responses each client reads. */
  readonly requests: number;
}

export interface PullResult {
  readonly ms: number;
  /** Body bytes of all responses. */
  readonly bytes: number;
}

const BUFFER = 1024 * 1024;
const HEADERS_END = '\r\n\r\n';
const task = JSON.parse(process.argv[2] ?? '{}') as PullTask;

/** Reads `task.requests` responses one after the other on one connection; resolves with their body bytes. */
async function client(number: number): Promise<number> {
  const [host = '', port = ''] = task.host.split(':');
  return await new Promise((resolve, reject) => {
    let done = 0;
    let head = '';
    /** Body bytes still to come; -1 while headers are read. */
    let left = -1;
    let bytes = 0;
    const ask = (): void => {
      const path = task.paths[(number + done) % task.paths.length];
      socket.write(`GET ${path} HTTP/1.1\r\nHost: ${task.host}\r\nAccept: ${task.accept}\r\n\r\n`);
    };
    const read = (length: number, buffer: Uint8Array): boolean => {
      let body = length;
      if (left < 0) {
        const before = head.length;
        head += Buffer.from(buffer.buffer, buffer.byteOffset, Math.min(length, 16_384)).toString('latin1');
        const end = head.indexOf(HEADERS_END);
        if (end < 0) return true;
        const size = /^content-length: *(\d+)/im.exec(head.slice(0, end))?.[1];
        if (!head.startsWith('HTTP/1.1 200') || size === undefined) {
          socket.destroy(new Error(`"${task.host}" answered ${head.slice(0, end)}`));
          return false;
        }
        left = Number(size);
        body = length - (end + HEADERS_END.length - before);
        head = '';
      }
      left -= body;
      bytes += body;
      if (left > 0) return true;
      left = -1;
      done += 1;
      if (done < task.requests) ask();
      else socket.destroy();
      return true;
    };
    const socket = connect({ host, port: Number(port), noDelay: true, onread: { buffer: Buffer.alloc(BUFFER), callback: read } });
    socket.once('connect', ask);
    socket.once('error', reject);
    socket.once('close', () => {
      if (done === task.requests) resolve(bytes);
      else reject(new Error(`"${task.host}" ended the connection after ${done} responses`));
    });
  });
}

const started = performance.now();
const received = await Promise.all(Array.from({ length: task.clients }, (_, number) => client(number)));
const result: PullResult = { ms: performance.now() - started, bytes: received.reduce((sum, bytes) => sum + bytes, 0) };
console.log(JSON.stringify(result));
