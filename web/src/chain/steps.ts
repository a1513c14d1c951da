/** How a check went. */
export type Status = 'pass' | 'fail' | 'unchecked';

/** One check of a proof: a stable code, how it went, what was expected and found (null where nothing is compared). */
export interface Step {
  readonly code: string;
  readonly status: Status;
  readonly expected: string | null;
  readonly found: string | null;
}

/** Thrown inside an inspection where a step failed and those that build on it cannot be taken. */
export class Stopped extends Error {}

/** Bytes that do not have the form they must have; turned into a failed step or an ArchiveError where the code is known. */
export class Malformed extends Error {}

/** The steps of one inspection, in the order they are taken. */
export class Steps {
  readonly taken: Step[] = [];

  /** Takes a step; a failed one ends this part of the inspection. */
  require(code: string, ok: boolean, expected: string | null = null, found: string | null = null): void {
    this.taken.push({ code, status: ok ? 'pass' : 'fail', expected, found });
    if (!ok) throw new Stopped(code);
  }

  /** A thing that cannot be told here. */
  leave(code: string, expected: string | null, found: string | null): void {
    this.taken.push({ code, status: 'unchecked', expected, found });
  }

  /** What `read` gives; bytes of the wrong form fail the step. */
  read<T>(code: string, read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.taken.push({ code, status: 'fail', expected: 'canonical encoding', found: error.message.slice(0, 200) });
      throw new Stopped(code);
    }
  }

  /** Runs one part; what a failed step inside ends gives null. */
  part<T>(run: () => T): T | null {
    try {
      return run();
    } catch (error) {
      if (error instanceof Stopped) return null;
      throw error;
    }
  }
}
