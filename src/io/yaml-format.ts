import { stringify } from 'yaml';

/** Plain data as YAML 1.2 for people: blocks, keys in the given order, long texts on one line. */
export function formatYaml(value: unknown): string {
  return stringify(value, { lineWidth: 0, indentSeq: true });
}
