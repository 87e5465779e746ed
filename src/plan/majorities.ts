import type { Topology } from '../cluster/index.ts';
import type { SiteConflict, SiteRecord } from '../site/index.ts';
import type { GateStep, MakeStep, PlanStep } from './plan-step.ts';
import { formerMembers } from './recorded-site.ts';

/**
 * Finds restarts of members that would end the majority of their quorum, because a former machine among the members is lost and
 * the new one has not joined yet. Pure.
 */
export function lostMajorities(steps: readonly PlanStep[], topology: Topology, record: SiteRecord | undefined): readonly SiteConflict[] {
  return topology.components.flatMap(({ name }) => {
    const former = formerMembers(record, name);
    const members = record?.placements[name] ?? [];
    if (former.length === 0 || members.length - 1 >= majorityOf(members.length + former.length)) return [];
    const joins = steps.filter(
      (step): step is GateStep => step.type === 'gate' && step.joining !== undefined && step.placement.component.name === name,
    );
    const awaited = joins.filter(({ host }) => former.some((one) => one.host === host));
    return steps
      .filter((step): step is MakeStep => step.type === 'make' && step.restarts.includes(name) && members.includes(step.host))
      .filter((step) => !awaited.every((join) => comesAfter(step, join)))
      .map((step) => ({
        where: step.host,
        problem: `"${step.summary}" would stop ${name} there before the new machine of ${former.map(({ host }) => host).join(', ')} is a member, and the members would lose their majority`,
        remedy: 'Replace the machine without other changes first: with the installed bundle, and cluster.yaml as it was',
      }));
  });
}

/** Fewest members of a quorum that can decide. */
export function majorityOf(count: number): number {
  return Math.floor(count / 2) + 1;
}

function comesAfter(step: PlanStep, other: PlanStep): boolean {
  const seen = new Set<PlanStep>();
  const open: PlanStep[] = [step];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next === other) return true;
    if (seen.has(next)) continue;
    seen.add(next);
    open.push(...next.needs);
  }
  return false;
}
