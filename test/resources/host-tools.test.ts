import { describe, expect, it } from 'vitest';
import { recordedFormat, siteToolsOf } from '../../src/resources/index.ts';
import { aptManager } from '../../src/resources/packages/apt/apt-manager.ts';
import { dnfManager } from '../../src/resources/packages/dnf/dnf-manager.ts';

describe('the tools of a host', () => {
  it('have the package manager of its operating system', () => {
    const tools = siteToolsOf({ containerEngine: true });
    expect(tools.on('apt').packages).toBe(aptManager);
    expect(tools.on('rpm').packages).toBe(dnfManager);
    expect(tools.on(undefined).packages).toBe(aptManager);
    expect(tools.on('rpm').engine).toBe(tools.on('apt').engine);
    expect(siteToolsOf({ containerEngine: false }).on('rpm').engine).toBeUndefined();
  });

  it.each([
    ['/etc/caisson/apt/updated-for', 'apt'],
    ['/etc/caisson/dnf/updated-for', 'rpm'],
    ['/elsewhere', undefined],
  ])('are known by the record, which has the package source %s', (key, format) => {
    expect(
      recordedFormat([
        { kind: 'package', key: 'jq' },
        { kind: 'package-source', key },
      ]),
    ).toBe(format);
    expect(recordedFormat([{ kind: 'file', key }])).toBeUndefined();
  });

  it.each([
    ['amd64', ['all', 'amd64'], ['noarch', 'x86_64']],
    ['arm64', ['all', 'arm64'], ['noarch', 'aarch64']],
    ['386', ['all', 'i386'], ['noarch', 'i686']],
    ['sparc', ['all', 'sparc'], ['noarch', 'sparc']],
  ])('have packages of their own words for the CPU %s', (cpu, apt, rpm) => {
    expect(aptManager.architectures(cpu)).toEqual(apt);
    expect(dnfManager.architectures(cpu)).toEqual(rpm);
  });
});
