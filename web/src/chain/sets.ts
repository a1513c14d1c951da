import type { PinnedSet, Validator, ValidatorSet } from './consensus.ts';

export const ZERO_KEY = '0x' + '0'.repeat(96);

/** Votes needed: two thirds, rounded up, of all validators, those without a key included. */
export function quorumOf(set: ValidatorSet): number {
  return Math.ceil((2 * set.validators.length) / 3);
}

/** Blocks from an epoch block to the last one that the set before it seals. */
function handoverOf(before: ValidatorSet): number {
  return (Math.floor(before.validators.length / 2) + 1) * before.turnLength - 1;
}

export function holds(set: ValidatorSet, address: string): boolean {
  return set.validators.some((validator) => validator.address === address);
}

/** The address whose turn a block is. */
export function inTurn(set: ValidatorSet, number: number): string {
  return set.validators[Math.floor(number / set.turnLength) % set.validators.length]!.address;
}

export function sameSet(a: ValidatorSet, b: ValidatorSet): boolean {
  const same = (one: Validator, i: number) => one.address === b.validators[i]!.address && one.bls === b.validators[i]!.bls;
  return a.turnLength === b.turnLength && a.validators.length === b.validators.length && a.validators.every(same);
}

/** The pins of one chain, by epoch. Never changed in place. */
export class SetHistory {
  readonly pins: readonly PinnedSet[];

  constructor(pins: readonly PinnedSet[]) {
    this.pins = [...pins].sort((a, b) => a.number - b.number);
  }

  /** The pin that says what epoch block `epoch` announced. */
  covering(epoch: number): PinnedSet | null {
    return this.pins.find((pin) => pin.number <= epoch && epoch <= pin.lastNumber) ?? null;
  }

  /**
   * The pin whose set seals block `number` and votes for it as a target; null when that is not known. A set is in force
   * for certain from the epoch block after its own, since every handover ends within its epoch.
   */
  active(number: number, epochLength: number): PinnedSet | null {
    const epoch = number - (number % epochLength);
    const current = this.covering(epoch);
    if (current !== null && epoch > current.number) return current;
    const before = this.covering(epoch - epochLength);
    if (before === null || before.set === null) return null;
    return number <= epoch + handoverOf(before.set) ? before : current;
  }

  /** The sets that a confused or lying source could have taken for the one in force. */
  around(number: number, epochLength: number): ValidatorSet[] {
    const epoch = number - (number % epochLength);
    const pins = [-1, 0, 1].map((step) => this.covering(epoch + step * epochLength));
    return [...new Set(pins)].flatMap((pin) => pin?.set ?? []);
  }

  /** The history with one more pin, in place of one with the same number. */
  withPin(pin: PinnedSet): SetHistory {
    return new SetHistory([...this.pins.filter((other) => other.number !== pin.number), pin]);
  }

  /** The history with the set of a pin that held only the hash. */
  filled(epoch: number, announced: ValidatorSet): SetHistory {
    return new SetHistory(this.pins.map((pin) => (pin.number === epoch ? { ...pin, set: announced } : pin)));
  }
}
