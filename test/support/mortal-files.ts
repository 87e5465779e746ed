type Files = typeof import('node:fs/promises');

/** The process that works with files. It dies before its operation number `death`: that one and all later ones do nothing. */
export const life = { operations: 0, death: Infinity };

/** Sets the count back, and the number of the operation at which the process dies. It lives on without a number. */
export function live(death = Infinity): void {
  Object.assign(life, { operations: 0, death });
}

/** Returns the real file system for a process that dies, for `vi.mock('node:fs/promises', …)`. */
export function mortalFiles(real: Files): Files {
  const open: Files['open'] = async (...args) => {
    die();
    const file = await real.open(...args);
    for (const name of ['writeFile', 'chmod', 'sync'] as const) {
      const work = file[name].bind(file) as (...words: unknown[]) => Promise<void>;
      Object.assign(file, { [name]: mortal(work) });
    }
    return file;
  };
  return {
    ...real,
    open,
    mkdir: mortal(real.mkdir as (...args: unknown[]) => Promise<undefined>),
    rename: mortal(real.rename),
    rm: mortal(real.rm),
    chmod: mortal(real.chmod),
    chown: mortal(real.chown),
  };
}

function die(): void {
  life.operations += 1;
  if (life.operations >= life.death) throw new Error('killed');
}

function mortal<A extends unknown[], R>(work: (...args: A) => Promise<R>): (...args: A) => Promise<R> {
  return async (...args) => {
    die();
    return work(...args);
  };
}
