import type { OptionValue, PlatformOption } from '../manifests/index.ts';

type Choices = Readonly<Record<string, Readonly<Record<string, OptionValue>>>>;

/** Choices for the options of a platform, as cluster.yaml writes them. */
export interface OptionMix {
  readonly choices: Choices;
  /** Choices that are not those by default, for messages: `database: external`. */
  readonly what: string;
}

type Declaration = PlatformOption['choices'][string]['values'][string];

/** Values that a site could give, by type. Addresses and names are those that documents may use (RFC 5737, RFC 2606). */
const SAMPLES: Readonly<Record<Declaration['type'], OptionValue>> = {
  line: 'sample',
  host: 'server.example',
  hosts: ['server-1.example', 'server-2.example'],
  address: '198.51.100.10',
  cidr: '198.51.100.0/24',
  port: 4000,
  path: '/sample',
  name: 'sample',
  passwordFile: '/sample/password',
};

/**
 * The choices by default (of an option without a default its first one), then each other choice of each option, and each
 * other text that a value of a choice may have, with all other options as before.
 */
export function optionMixes(options: readonly PlatformOption[]): readonly OptionMix[] {
  const usual = Object.assign({}, ...options.map((option) => written(option, defaultChoice(option)))) as Choices;
  const varied = options.flatMap((option) =>
    Object.entries(option.choices).flatMap(([choice, { values }]): OptionMix[] => {
      const own = choice === defaultChoice(option) ? [] : [mix(usual, option, choice)];
      const texts = Object.entries(values).flatMap(([name, declaration]) =>
        (declaration.oneOf ?? [])
          .filter((text) => text !== sampleOf(declaration))
          .map((text) => mix(usual, option, choice, { [name]: text })),
      );
      return [...own, ...texts];
    }),
  );
  return [{ choices: usual, what: '' }, ...varied];
}

function mix(usual: Choices, option: PlatformOption, choice: string, values: Readonly<Record<string, string>> = {}): OptionMix {
  const detail = Object.entries(values).map(([name, text]) => ` (${name}: ${text})`);
  return {
    choices: { ...usual, ...written(option, choice, values) },
    what: `${option.name}: ${choice}${detail.join('')}`,
  };
}

function defaultChoice({ default: choice, choices }: PlatformOption): string {
  return choice ?? Object.keys(choices)[0] ?? '';
}

function written({ name, choices }: PlatformOption, choice: string, values: Readonly<Record<string, string>> = {}): Choices {
  const declared = Object.entries(choices[choice]?.values ?? {}).map(([key, declaration]) => [key, sampleOf(declaration)]);
  return { [name]: { choice, ...(Object.fromEntries(declared) as Readonly<Record<string, OptionValue>>), ...values } };
}

function sampleOf({ type, oneOf, default: usual }: Declaration): OptionValue {
  return usual ?? oneOf?.[0] ?? SAMPLES[type];
}
