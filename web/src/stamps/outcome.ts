import type { Status } from './types.ts';

/** One thing looked at. `found` and `expected` are what was compared, where there is something. */
export interface Step {
  readonly code: string;
  readonly status: Status;
  readonly note: string;
  readonly expected?: string;
  readonly found?: string;
}

/** The steps of one stamp and what follows from them; `time` (seconds since 1970) only where they pass. */
export interface Checked {
  readonly status: Status;
  readonly steps: readonly Step[];
  readonly note: string;
  readonly clock: string;
  readonly time: number | null;
  readonly margin: number;
}

/** `fail` before `unchecked` before `pass`. */
export function worst(steps: readonly Step[]): Status {
  if (steps.some((s) => s.status === 'fail')) return 'fail';
  return steps.some((s) => s.status === 'unchecked') ? 'unchecked' : 'pass';
}
