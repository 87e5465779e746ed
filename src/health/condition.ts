/** The state of a condition. `detail` describes its progress in one line; a new detail counts as progress. */
export interface ConditionState {
  readonly met: boolean;
  readonly detail: string;
}

/** Something to wait for, which describes itself: "etcd on m1 is healthy". */
export interface Condition {
  readonly description: string;
  look(signal: AbortSignal): Promise<ConditionState>;
}
