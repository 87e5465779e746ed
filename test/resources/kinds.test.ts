import { isKind, KINDS } from '../../src/resources/kinds.ts';
import type { ResourceKindName } from '../../src/resources/index.ts';
import { describeResourceKind } from '../contract/resource-kind.ts';
import { EXAMPLES, underTest } from '../support/kind-examples.ts';

function describeKind<K extends ResourceKindName>(name: K): void {
  for (const [index, example] of EXAMPLES[name].entries()) {
    describeResourceKind(`${name} ${index + 1}`, () => underTest(name, example));
  }
}

for (const name of Object.keys(KINDS)) if (isKind(name)) describeKind(name);
