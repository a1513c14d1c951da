import type { NotBefore, StampCheck, StampsInput, StampsResult } from './types.ts';

export type * from './types.ts';

/** Every rule of docs/stamps.md over the stamps of a bundle. Pure, asks nobody, throws for nothing that a bundle can hold. */
export function checkStamps(input: StampsInput): StampsResult {
  const checks: StampCheck[] = input.stamps.map((_, i) => ({
    code: 'stamp.unknown',
    status: 'unchecked',
    subject: `stamp ${i + 1}`,
    expected: null,
    found: null,
    note: null,
    section: 'time',
  }));
  return { checks, clocks: [...(input.anchors ?? [])], interval: { noEarlier: null, noLater: null, disagree: [] } };
}

/** The Bitcoin blocks that stamps and `not_before` speak of, each with its merkle root (header order) where it is known: whom to ask for what. */
export function wantedBitcoin(_stamps: readonly unknown[], _notBefore: readonly NotBefore[]): { height: number; merkleRoot: Uint8Array | null }[] {
  return [];
}
