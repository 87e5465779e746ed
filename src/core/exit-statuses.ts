/** The exit statuses of the program and their meanings. Every error of the catalogue has one of them. */
export const EXIT_STATUSES = {
  0: 'done',
  1: 'a bug: please report it with the printed stack',
  2: 'usage: the command line is wrong, and nothing was done',
  3: 'invalid input',
  4: 'verification failed',
  5: 'cannot resolve or fetch',
  6: 'a host or the cluster failed',
  7: 'another run holds the lock',
  130: 'interrupted: the same command goes on where it stopped',
  141: 'the reader of the output has gone, as head goes',
} as const;

export type ExitStatus = keyof typeof EXIT_STATUSES;
