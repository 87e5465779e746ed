import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * The processes that use the engine which the lab starts. Each use is an abstract Unix socket, which the kernel frees when its process ends;
 * /proc/net/unix lists all of them. So the last user ends the engine, and nobody ends it under another.
 */
export interface EngineUsers {
  /** Notes a use of the engine by this process. Resolves to the release. */
  enter(): Promise<() => Promise<void>>;
  /** Returns true while a use is noted that was not released, by this process or another. */
  areThere(): boolean;
  /** Does some work while no other process does its own: the start of the engine, or its end. */
  alone<T>(work: () => Promise<T>): Promise<T>;
}

let uses = 0;

export function engineUsers(name = 'caisson-lab-engine'): EngineUsers {
  return {
    enter: async () => {
      uses += 1;
      const release = await hold(`${name} user ${process.pid} ${uses}`);
      if (release === undefined) throw new Error('A use of the engine has the name of another');
      return release;
    },
    areThere: () => readFileSync('/proc/net/unix', 'utf8').includes(` @${name} user `),
    alone: async (work) => {
      for (;;) {
        const release = await hold(`${name} door`);
        if (release === undefined) {
          await sleep(100);
          continue;
        }
        try {
          return await work();
        } finally {
          await release();
        }
      }
    },
  };
}

function hold(name: string): Promise<(() => Promise<void>) | undefined> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error)));
    server.listen(`\0${name}`, () => {
      server.unref();
      resolve(() => new Promise((done) => server.close(() => done())));
    });
  });
}
