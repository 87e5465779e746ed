import { suggestName } from '../io/index.ts';
import {
  describeForm,
  INIT_FLAGS,
  readByForm,
  valueNames,
  type InitFlag,
  type PlatformManifest,
  type PlatformOption,
} from '../manifests/index.ts';
import { typedValues, type NewChoice } from './edit-options.ts';

/** Choices as an operator typed them. */
export interface TypedChoices {
  /** --option NAME=CHOICE */
  readonly options: readonly { readonly option: string; readonly choice: string }[];
  /** --option-value NAME.VALUE=TEXT */
  readonly values: readonly { readonly option: string; readonly value: string; readonly text: string }[];
  /** Flags that are none of `caisson init` itself, without their --. `text` is undefined where nothing stood behind the flag. */
  readonly flags: readonly { readonly flag: string; readonly text: string | undefined }[];
}

/** A mistake in a flag, with the flag as it was typed. */
export interface FlagProblem {
  readonly flag: string;
  readonly reason: string;
  readonly remedy?: string | undefined;
}

/** The choices that flags make, in the order of the options of the platform. */
export interface InitChoices {
  readonly choices: readonly NewChoice[];
  /** The flag that gave a choice or a value, by `OPTION` and `OPTION.VALUE`. */
  readonly saidBy: ReadonlyMap<string, string>;
  readonly problems: readonly FlagProblem[];
}

interface Said {
  readonly text: string;
  readonly by: string;
}

/**
 * Reads choices from the flags of `caisson init` and those that the platform declares. Whether a choice is one of its option, and its
 * values are right, is not checked here. Throws nothing.
 */
export function readInitChoices(typed: TypedChoices, platform: Pick<PlatformManifest, 'options' | 'init'>): InitChoices {
  const reader = new Reader(platform);
  reader.read(typed);
  return { choices: reader.choices(), saidBy: new Map([...reader.said].map(([key, { by }]) => [key, by])), problems: reader.problems };
}

class Reader {
  readonly said = new Map<string, Said>();
  readonly problems: FlagProblem[] = [];
  readonly #options: readonly PlatformOption[];
  readonly #init: PlatformManifest['init'];

  constructor({ options, init }: Pick<PlatformManifest, 'options' | 'init'>) {
    this.#options = options;
    this.#init = init;
  }

  read({ options, values, flags }: TypedChoices): void {
    for (const { option, choice } of options) this.#sayChoice(option, { text: choice, by: '--option' });
    for (const { option, value, text } of values) this.#sayValue(option, value, { text, by: '--option-value' });
    const readByForms: { readonly name: string; readonly flag: InitFlag; readonly text: string }[] = [];
    for (const { flag: name, text } of flags) {
      const flag = this.#declared(name);
      if (flag === undefined) continue;
      if (text === undefined || text === '') this.#report(name, 'has nothing behind it', `write --${name} TEXT`);
      else if (flag.forms !== undefined) readByForms.push({ name, flag, text });
      else this.#take(name, flag, text);
    }
    // The meaning of their texts depends on choices of the others.
    for (const { name, flag, text } of readByForms) this.#takeByForm(name, flag, text);
  }

  choices(): readonly NewChoice[] {
    return this.#options.flatMap((option): NewChoice[] => {
      const { name } = option;
      const texts = Object.fromEntries(
        [...this.said].flatMap(([key, { text }]) => (key.startsWith(`${name}.`) ? [[key.slice(name.length + 1), text]] : [])),
      );
      const choice = this.#choiceOf(option);
      const isSaid = this.said.has(name) || Object.keys(texts).length > 0;
      return choice === undefined || !isSaid ? [] : [{ option: name, choice, values: typedValues(option, choice, texts) }];
    });
  }

  #declared(name: string): InitFlag | undefined {
    const { flags = {}, instead = {} } = this.#init ?? {};
    if (Object.hasOwn(flags, name)) return flags[name];
    if (Object.hasOwn(instead, name)) this.#report(name, 'is not taken', instead[name]);
    else if (INIT_FLAGS.includes(name)) this.#report(name, 'takes no text', `write --${name} alone`);
    else {
      const remedy = suggestName(name, [...Object.keys(flags), ...INIT_FLAGS]);
      this.#report(name, 'is a flag neither of caisson init nor of the platform', remedy);
    }
    return undefined;
  }

  #take(name: string, { option, choice, value }: InitFlag, text: string): void {
    const by = `--${name}`;
    if (choice === undefined || value === undefined) {
      this.#sayChoice(option, { text, by });
      return;
    }
    this.#sayChoice(option, { text: choice, by });
    this.#sayValue(option, value, { text, by });
  }

  #takeByForm(name: string, { option: of, forms = {} }: InitFlag, text: string): void {
    const option = this.#options.find((one) => one.name === of);
    const choice = option === undefined ? undefined : this.#choiceOf(option);
    const wanted = choice !== undefined && Object.hasOwn(forms, choice) ? forms[choice] : undefined;
    if (wanted === undefined) {
      const known = Object.keys(forms).join(', ');
      this.#report(name, `has no meaning for the choice "${choice ?? ''}" of ${of}`, `it is for: ${known}`);
      return;
    }
    const read = wanted.map((form) => readByForm(form, text)).find((values) => values !== undefined);
    if (read === undefined) {
      this.#report(
        name,
        `cannot be read for the choice "${choice}"`,
        `write it as: ${wanted.map((form) => `"${describeForm(form)}"`).join(' or ')}`,
      );
      return;
    }
    for (const [value, said] of Object.entries(read)) this.#sayValue(of, value, { text: said, by: `--${name}` });
  }

  /** The choice that was said, or the default. */
  #choiceOf({ name, default: fallback }: PlatformOption): string | undefined {
    return this.said.get(name)?.text ?? fallback;
  }

  #sayChoice(option: string, said: Said): void {
    const names = this.#options.map(({ name }) => name);
    if (names.includes(option)) this.#say(option, `the choice for ${option}`, said);
    else this.problems.push({ flag: said.by, reason: `the platform has no option "${option}"`, remedy: suggestName(option, names) });
  }

  #sayValue(option: string, value: string, said: Said): void {
    const declared = this.#options.find(({ name }) => name === option);
    if (declared === undefined) {
      this.#sayChoice(option, said);
      return;
    }
    const { open, secret } = valueNames(declared);
    const known = [...open, ...secret];
    if (known.includes(value)) this.#say(`${option}.${value}`, `${option}.${value}`, said);
    else this.problems.push({ flag: said.by, reason: `no choice of ${option} has a value "${value}"`, remedy: suggestName(value, known) });
  }

  #say(key: string, what: string, said: Said): void {
    const before = this.said.get(key);
    if (before !== undefined && before.text !== said.text) {
      const reason = `says "${said.text}" of ${what}, and ${before.by === said.by ? 'before' : before.by} says "${before.text}"`;
      this.problems.push({ flag: said.by, reason, remedy: 'keep one of them' });
    }
    if (before === undefined) this.said.set(key, said);
  }

  #report(name: string, reason: string, remedy: string | undefined): void {
    this.problems.push({ flag: `--${name}`, reason, remedy });
  }
}
