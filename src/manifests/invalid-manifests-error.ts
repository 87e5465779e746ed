import { CaissonError, InvalidInputError, type InputProblem } from '../core/index.ts';
import { sortProblems } from '../io/index.ts';

/** Thrown with every mistake of every manifest. */
export class InvalidManifestsError extends CaissonError {
  readonly documents: readonly InvalidInputError[];

  constructor(documents: readonly InvalidInputError[]) {
    const lines = documents.flatMap((document) => document.message.split('\n').slice(1));
    super('INPUT_INVALID', `Cannot use the manifests:\n${lines.join('\n')}`);
    this.documents = documents;
  }
}

/** Collects problems by file, so that one error reports them all. */
export class ProblemCollector {
  readonly #problems = new Map<string, InputProblem[]>();

  add(file: string, ...problems: readonly InputProblem[]): void {
    const known = this.#problems.get(file) ?? [];
    this.#problems.set(file, [...known, ...problems]);
  }

  /** Throws InvalidManifestsError when a problem was added. */
  throwIfAny(): void {
    const documents = [...this.#problems]
      .filter(([, problems]) => problems.length > 0)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([file, problems]) => new InvalidInputError(file, sortProblems(problems)));
    if (documents.length > 0) throw new InvalidManifestsError(documents);
  }
}
