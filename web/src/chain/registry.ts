import { equalBytes, to0x } from '../bytes.ts';
import * as keys from '../format/keys.ts';
import { rootFromPath } from '../format/merkle.ts';
import {
  addressWord, bytesOf, bytesToHex, concatBytes, intWord, isZero, keccak, keccakText, splitWords, toBigInt, WORD,
} from './codec.ts';
import { Malformed } from './steps.ts';

// The registry's calls, events and storage: nothing but words of 32 bytes (docs/format.md, sections 9 and 11).

export const ANCHORED = keccakText('Anchored(address,bytes32,bytes32,bytes32,bytes32,uint256)');
export const BATCH_ANCHORED = keccakText('BatchAnchored(address,bytes32,uint256)');
const ANCHOR = selector('anchor(bytes32,bytes32,bytes32,bytes32)');
const ANCHOR_BATCH = selector('anchorBatch(bytes32,uint256)');
const ENTRY_OF = selector('entryOf(address,bytes32)');
const HEAD_OF = selector('headOf(address,bytes32)');
export const MAX_MEMBERS = 2 ** 24;
export const MAX_PATH = 24;
export const KIND_BATCH = 1n;

/** Mappings of the contract's storage, by their slot. */
export const SLOTS = { entries: 0, heads: 1, batches: 2, endorsements: 3, retractions: 4 } as const;

/** The arguments of `anchor`; `previous` is zero for none. */
export interface AnchorCall {
  readonly incident: Uint8Array;
  readonly root: Uint8Array;
  readonly previous: Uint8Array;
  readonly contentDigest: Uint8Array;
}

export interface AnchoredEvent extends AnchorCall {
  readonly kind: 'anchor';
  readonly publisher: string;
  readonly ordinal: bigint;
}

export interface BatchAnchoredEvent {
  readonly kind: 'batch';
  readonly publisher: string;
  readonly root: Uint8Array;
  readonly count: bigint;
}

/** An entry of the registry: `tag` 19 bytes, `time` in seconds since 1970, `ordinal` from 1. */
export interface Entry {
  readonly tag: Uint8Array;
  readonly time: number;
  readonly block: number;
  readonly ordinal: number;
  readonly flags: number;
}

/** The latest of a publisher's history: first 29 bytes of its root, and how many revisions. */
export interface Head {
  readonly rootPrefix: Uint8Array;
  readonly ordinal: number;
}

/** First four bytes of the hash of a function's signature. */
export function selector(signature: string): Uint8Array {
  return keccakText(signature).subarray(0, 4);
}

/** keccak256 of the incident's id, `0x` + hex. */
export function incidentKey(incident: string): string {
  return to0x(keys.incidentKey(incident));
}

export function encodeAnchor(call: AnchorCall): Uint8Array {
  return concatBytes(ANCHOR, call.incident, call.root, call.previous, call.contentDigest);
}

export function encodeAnchorBatch(root: Uint8Array, count: bigint): Uint8Array {
  return concatBytes(ANCHOR_BATCH, root, intWord(count));
}

/** Whether a call is `anchor`, or `anchorBatch`, and nothing else. */
export function isCallOf(kind: 'anchor' | 'batch', calldata: Uint8Array): boolean {
  const [wanted, words] = kind === 'anchor' ? [ANCHOR, 4] : [ANCHOR_BATCH, 2];
  return calldata.length === 4 + words * WORD && equalBytes(calldata.subarray(0, 4), wanted);
}

/** The top 152 bits of keccak256(incident ‖ previous ‖ content digest): 19 bytes of the entry. */
export function tagOf(call: AnchorCall): Uint8Array {
  return keccak(concatBytes(call.incident, call.previous, call.contentDigest)).subarray(0, 19);
}

/** Reads a log whose topic 0 is that of `Anchored`; throws Malformed when its shape is not exact. */
export function decodeAnchored(topics: readonly Uint8Array[], data: Uint8Array): AnchoredEvent {
  if (topics.length !== 4) throw new Malformed(`${topics.length} topics, expected 4`);
  const [previous, contentDigest, ordinal] = splitWords(data, 3) as [Uint8Array, Uint8Array, Uint8Array];
  return {
    kind: 'anchor',
    publisher: wordAddress(topics[1]!),
    incident: topics[2]!,
    root: topics[3]!,
    previous,
    contentDigest,
    ordinal: toBigInt(ordinal),
  };
}

/** Reads a log whose topic 0 is that of `BatchAnchored`; throws Malformed when its shape is not exact. */
export function decodeBatchAnchored(topics: readonly Uint8Array[], data: Uint8Array): BatchAnchoredEvent {
  if (topics.length !== 3) throw new Malformed(`${topics.length} topics, expected 3 of 32 bytes`);
  const [count] = splitWords(data, 1) as [Uint8Array];
  return { kind: 'batch', publisher: wordAddress(topics[1]!), root: topics[2]!, count: toBigInt(count) };
}

function wordAddress(word: Uint8Array): string {
  if (!isZero(word.subarray(0, 12))) throw new Malformed('not an address word');
  return to0x(word.subarray(12));
}

/** The storage slot of (account, key) in one of the registry's mappings. */
export function slotOf(mapping: keyof typeof SLOTS, account: string, key: Uint8Array): Uint8Array {
  return keccak(concatBytes(key, keccak(concatBytes(addressWord(account), intWord(SLOTS[mapping])))));
}

/** An entry as its slot packs it: tag 152 | time 40 | block 40 | ordinal 16 | flags 8. */
export function decodeSlot(value: bigint): Entry {
  return {
    tag: intWord(value >> 104n).subarray(WORD - 19),
    time: Number((value >> 64n) & 0xffffffffffn),
    block: Number((value >> 24n) & 0xffffffffffn),
    ordinal: Number((value >> 8n) & 0xffffn),
    flags: Number(value & 0xffn),
  };
}

/** True for the root of one package, with no flag that is not known here. */
export function isPackageEntry(entry: Entry): boolean {
  return entry.flags === 0 || entry.flags === 16;
}

export function encodeEntryOf(publisher: string, root: string): Uint8Array {
  return concatBytes(ENTRY_OF, addressWord(publisher), bytesOf('0x' + root));
}

export function encodeHeadOf(publisher: string, incident: string): Uint8Array {
  return concatBytes(HEAD_OF, addressWord(publisher), bytesOf(incident));
}

/** The answer of `entryOf`, null for no entry; throws Malformed when its shape is not exact. */
export function decodeEntry(answer: Uint8Array): Entry | null {
  const [tag, ...words] = splitWords(answer, 5) as [Uint8Array, ...Uint8Array[]];
  if (!isZero(tag.subarray(19))) throw new Malformed('the tag is not 19 bytes');
  const numbers = words.map(toBigInt);
  if (numbers.some((number, i) => number >> [40n, 40n, 16n, 8n][i]! !== 0n)) throw new Malformed('a number is out of range');
  const [time, block, ordinal, flags] = numbers.map(Number) as [number, number, number, number];
  return ordinal === 0 ? null : { tag: tag.slice(0, 19), time, block, ordinal, flags };
}

/** The answer of `headOf`, null for no history; throws Malformed when its shape is not exact. */
export function decodeHead(answer: Uint8Array): Head | null {
  const [prefix, ordinal] = splitWords(answer, 2) as [Uint8Array, Uint8Array];
  const number = toBigInt(ordinal);
  if (!isZero(prefix.subarray(29)) || number >> 24n !== 0n) throw new Malformed('a value is out of range');
  return number === 0n ? null : { rootPrefix: prefix.slice(0, 29), ordinal: Number(number) };
}

/** A package in a batch: `incidentKey` `0x` + hex, the others 64 hex digits. */
export interface Member {
  readonly incidentKey: string;
  readonly root: string;
  readonly contentDigest: string;
}

/** Where a package is in its batch: sibling hashes from its leaf up, 32 bytes each; index from 0. */
export interface Place {
  readonly path: readonly Uint8Array[];
  readonly index: number;
  readonly count: number;
}

/** The leaf of a package in a batch's tree. */
export function batchLeaf(member: Member): Uint8Array {
  return keys.batchLeaf(bytesOf(member.incidentKey), bytesOf('0x' + member.root), bytesOf('0x' + member.contentDigest));
}

/**
 * The batch root that a package's place leads to, 64 hex digits (RFC 9162, section 2.1.3.2); throws ArchiveError
 * `merkle.index`, `merkle.path_length`.
 */
export function batchRoot(member: Member, place: Place): string {
  return bytesToHex(rootFromPath(batchLeaf(member), place.index, place.count, place.path));
}
