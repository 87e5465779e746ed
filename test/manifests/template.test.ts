import { describe, expect, it } from 'vitest';
import { renderData, renderTemplate } from '../../src/manifests/index.ts';
import { InvalidInputError } from '../../src/core/index.ts';
import * as fc from '../support/fast-check.ts';

const SCOPE = { node: { name: 'm1', address: '10.0.0.1' }, depot: { port: 5443 }, var: { empty: '', dollar: '${node.name}' } };

describe('renderTemplate', () => {
  it.each([
    ['${node.name}', 'm1'],
    ['a ${node.name}:${depot.port} b', 'a m1:5443 b'],
    ['$${node.name}', '${node.name}'],
    ['$$${node.name}', '$${node.name}'],
    ['$ $a $$ $5 {x}', '$ $a $$ $5 {x}'],
    ['[${var.empty}]', '[]'],
    ['${var.dollar}', '${node.name}'],
  ])('makes of %s: %s', (text, result) => {
    expect(renderTemplate(text, SCOPE, 'x.conf')).toBe(result);
  });

  it('names every unknown placeholder with its line and what was meant', () => {
    const text = 'a ${node.nam}\n\n  ${node}${constructor}${node.__proto__}\n${a b}\n${open\n';
    expect(() => renderTemplate(text, SCOPE, 'x.conf')).toThrow(InvalidInputError);
    expect(() => renderTemplate(text, SCOPE, 'x.conf')).toThrow(
      [
        'Cannot use "x.conf":',
        '  x.conf:1:3: there is no "${node.nam}" (did you mean "node.name"?)',
        '  x.conf:3:3: there is no "${node}" (did you mean "node.name"?)',
        '  x.conf:3:10: there is no "${constructor}" (known: node.name, node.address, depot.port, var.empty, var.dollar)',
        '  x.conf:3:24: "${node.__proto__}" is not a name (write $${ for a literal ${)',
        '  x.conf:4:1: "${a b}" is not a name (write $${ for a literal ${)',
        '  x.conf:5:1: "${" is not closed on its line (write $${ for a literal ${)',
      ].join('\n'),
    );
  });

  it('gives back any text whose placeholders are escaped', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('$', '{', '}', 'a', '.', '\n') }), (text) => {
        expect(
          renderTemplate(
            text.replaceAll('${', () => '$${'),
            SCOPE,
            'x',
          ),
        ).toBe(text);
      }),
    );
  });
});

describe('renderData', () => {
  it('fills in every text and leaves keys and other values alone', () => {
    expect(renderData({ '${node.name}': ['${node.name}', 1, true, null, { a: '${depot.port}' }] }, SCOPE, 'x')).toEqual({
      '${node.name}': ['m1', 1, true, null, { a: '5443' }],
    });
  });
});
