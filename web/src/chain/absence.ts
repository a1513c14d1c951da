import { to0x } from '../bytes.ts';
import { ArchiveError } from '../errors.ts';
import * as canonical from '../format/canonical.ts';
import { isBlockPart, type BlockPart } from './anchor.ts';
import { ADDRESS, bytesOf, hasExactly, HASH, HEX64, hexWord, isInteger, keccak, matches } from './codec.ts';
import { decodeHeader } from './header.ts';
import { slotOf } from './registry.ts';
import { isStateProof, readAccount, readSlot, type StateProof } from './state.ts';
import { Steps, type Step } from './steps.ts';

/** An exclusion proof, its shape checked and nothing more (docs/format.md, section 11). */
export interface AbsenceProof {
  readonly chain_id: number;
  readonly genesis: string;
  readonly registry: string;
  readonly publisher: string;
  readonly root: string;
  readonly block: BlockPart;
  readonly state: StateProof;
}

/** At this block the registry has this code, and no entry of (publisher, root). */
export interface ProvenAbsence {
  readonly chainId: number;
  readonly genesis: string;
  readonly registry: string;
  readonly publisher: string;
  readonly root: string;
  readonly blockNumber: number;
  readonly blockHash: string;
  readonly timestamp: number;
  readonly codeHash: string;
}

export interface AbsenceInspection {
  readonly steps: readonly Step[];
  readonly proven: ProvenAbsence | null;
}

export const ABSENCE_FORMAT = 'incident-archive-absence/1';
export const MAX_ABSENCE_BYTES = 1 << 20;
// An object in an object, and its lists.
const MAX_ABSENCE_DEPTH = 4;

const MESSAGES: Readonly<Record<string, string>> = {
  'absence.header_hash': 'the block header does not hash to the block hash',
  'absence.header_shape': 'the block header is not a list of plain fields',
  'absence.block_number': 'the block header has another number',
  'absence.account': "the proof does not lead to the registry's contract under the header's state root",
  'absence.slot': 'the proof neither leads to the entry nor shows that there is none',
  'absence.entry': "the root is anchored: the registry's storage holds an entry of this key and root",
};

/** One sentence for a step that failed. */
export function describeAbsenceStep(code: string): string {
  return MESSAGES[code] ?? code;
}

/** Reads the file of an exclusion proof; throws ArchiveError `absence.too_large`, `.malformed`, `.unknown_format`. */
export function readAbsence(data: Uint8Array): AbsenceProof {
  if (data.length > MAX_ABSENCE_BYTES) throw new ArchiveError('absence.too_large', `larger than ${MAX_ABSENCE_BYTES} bytes`);
  let value: unknown;
  try {
    value = canonical.loads(data, { maxBytes: MAX_ABSENCE_BYTES, maxDepth: MAX_ABSENCE_DEPTH });
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    throw new ArchiveError('absence.malformed', error.message);
  }
  return parseAbsence(value);
}

/** Reads the value of an exclusion proof; throws ArchiveError `absence.malformed`, `.unknown_format`. */
export function parseAbsence(value: unknown): AbsenceProof {
  const told = canonical.isObject(value) ? canonical.own(value, 'format') : undefined;
  if (typeof told === 'string' && told !== ABSENCE_FORMAT) {
    throw new ArchiveError(
      'absence.unknown_format',
      `format '${told.slice(0, 80)}' is not known here; this version reads '${ABSENCE_FORMAT}'`,
      'use a newer version of archive, or check that this is an exclusion proof',
    );
  }
  if (
    !hasExactly(value, ['format', 'chain_id', 'genesis', 'registry', 'publisher', 'root', 'block', 'state']) ||
    told !== ABSENCE_FORMAT ||
    !isInteger(value['chain_id'], 1) ||
    !matches(value['genesis'], HASH) ||
    !matches(value['registry'], ADDRESS) ||
    !matches(value['publisher'], ADDRESS) ||
    !matches(value['root'], HEX64) ||
    !isBlockPart(value['block']) ||
    !isStateProof(value['state'])
  ) {
    throw new ArchiveError('absence.malformed', 'the exclusion proof does not have the right form');
  }
  return value as unknown as AbsenceProof;
}

/** Takes every step that can be taken; never throws for a wrong proof. */
export function checkAbsence(proof: AbsenceProof): AbsenceInspection {
  const steps = new Steps();
  const proven = steps.part(() => prove(proof, steps));
  return { steps: steps.taken, proven };
}

function prove(proof: AbsenceProof, steps: Steps): ProvenAbsence {
  const raw = bytesOf(proof.block.header);
  const found = to0x(keccak(raw));
  steps.require('absence.header_hash', found === proof.block.hash, proof.block.hash, found);
  const header = steps.read('absence.header_shape', () => decodeHeader(raw));
  steps.require('absence.block_number', header.number === proof.block.number, String(proof.block.number), String(header.number));
  const account = steps.read('absence.account', () => readAccount(header.stateRoot, proof.registry, proof.state.account));
  steps.require('absence.account', true, null, account.codeHash);
  const slot = slotOf('entries', proof.publisher, bytesOf('0x' + proof.root));
  const value = steps.read('absence.slot', () => readSlot(account.storageRoot, slot, proof.state.storage));
  steps.require('absence.slot', true);
  steps.require('absence.entry', value === 0n, 'no entry', value === 0n ? 'no entry' : `slot value ${hexWord(value)}`);
  return {
    chainId: proof.chain_id,
    genesis: proof.genesis,
    registry: proof.registry,
    publisher: proof.publisher,
    root: proof.root,
    blockNumber: header.number,
    blockHash: found,
    timestamp: header.timestamp,
    codeHash: account.codeHash,
  };
}
