import { equalBytes, fromHex, to0x } from '../bytes.ts';
import { ArchiveError } from '../errors.ts';
import { isObject } from '../format/canonical.ts';
import {
  ADDRESS, bytesOf, bytesToHex, hasExactly, HASH, HEX64, hexWord, isInteger, isZero, keccak, matches, MAX_SAFE, RAW,
  ZERO_WORD,
} from './codec.ts';
import { recoverStrict } from './ecdsa.ts';
import { decodeAnchorFor, directCall, signerOf } from './eip712.ts';
import { decodeHeader, MAX_HEADER_BYTES, type BlockHeader } from './header.ts';
import { decodeReceipt, MAX_RECEIPT_BYTES, type Receipt } from './receipt.ts';
import {
  ANCHORED, BATCH_ANCHORED, decodeAnchored, decodeBatchAnchored, decodeSlot, encodeAnchor, encodeAnchorBatch, isCallOf,
  isPackageEntry, KIND_BATCH, MAX_MEMBERS, MAX_PATH, slotOf, tagOf, type AnchoredEvent, type BatchAnchoredEvent, type Place,
} from './registry.ts';
import { isStateProof, readAccount, readSlot, type StateProof } from './state.ts';
import { Steps, type Step } from './steps.ts';
import { decodeTransaction, MAX_TRANSACTION_BYTES, type SignedTransaction } from './transaction.ts';
import { indexedValue } from './trie.ts';

// A key of three bytes is six nibbles deep; one node per nibble and a leaf. A node is little longer than its value.
const MAX_PROOF_NODES = 10;
const NODE_OVERHEAD = 1024;
const MAX_LOGS = 65_536;
const MAX_INDEX = 2 ** 24 - 1;

/** `anchors[]` of a proof bundle, its shape checked and nothing more (docs/format.md, section 11). All bytes are `0x` + hex. */
export interface AnchorProof {
  readonly kind: 'anchor' | 'batch';
  readonly chain_id: number;
  readonly genesis: string;
  readonly registry: string;
  readonly block: BlockPart;
  readonly transaction: { readonly hash: string; readonly raw: string; readonly index: number; readonly proof: readonly string[] };
  readonly receipt: { readonly raw: string; readonly proof: readonly string[] };
  readonly log_index: number;
  readonly state: StateProof | null;
  /** For `checkConsensus`; nothing else reads it. */
  readonly consensus: unknown;
  /** Where the package is in its batch; null for kind `anchor`. */
  readonly place: Place | null;
}

export interface BlockPart {
  readonly number: number;
  readonly hash: string;
  readonly header: string;
}

/**
 * What the proven bytes say. `root`, `previous` (null for none), `contentDigest` are 64 hex digits; `incidentKey`, hashes
 * and addresses `0x` + hex. `genesis` is claimed, not proven. `sender` signed the transaction (null when its type is not
 * read here); `direct`: a signature of the publisher's own key covers the anchor itself. Of a batch, `root` is the batch's
 * own, `ordinal` 0, `incidentKey` and `contentDigest` zero.
 */
export interface ProvenAnchor {
  readonly publisher: string;
  readonly incidentKey: string;
  readonly root: string;
  readonly previous: string | null;
  readonly contentDigest: string;
  readonly ordinal: number;
  readonly blockNumber: number;
  readonly blockHash: string;
  readonly timestamp: number;
  readonly registry: string;
  readonly chainId: number;
  readonly genesis: string;
  readonly txHash: string;
  readonly sender: string | null;
  readonly direct: boolean;
  /** Hash of the registry's code by the state proof; null without one. */
  readonly codeHash: string | null;
  readonly place: Place | null;
}

/** Every step that could be taken; `proven` is null when one of them failed. */
export interface AnchorInspection {
  readonly steps: readonly Step[];
  readonly proven: ProvenAnchor | null;
}

const REQUIRED_KEYS = ['kind', 'chain_id', 'genesis', 'registry', 'block', 'transaction', 'receipt', 'log_index'] as const;
const PLACE_KEYS = ['path', 'index', 'count'] as const;
const OPTIONAL_KEYS = ['state', 'consensus', ...PLACE_KEYS] as const;

/** Every key that an anchor may have; another one makes it a thing of a later version (`anchor.unknown`). */
export const ANCHOR_KEYS: ReadonlySet<string> = new Set([...REQUIRED_KEYS, ...OPTIONAL_KEYS]);

/** Steps whose check belongs to the section `origin` of a report; all others to `time`. */
export const ORIGIN_STEPS: ReadonlySet<string> = new Set([
  'anchor.tx_hash', 'anchor.tx_chain_id', 'anchor.tx_signature', 'anchor.tx_type', 'anchor.sender', 'anchor.calldata',
]);

const MESSAGES: Readonly<Record<string, string>> = {
  'anchor.malformed': 'the anchor proof does not have the right form',
  'anchor.header_shape': 'the block header is not a list of plain fields',
  'anchor.header_hash': 'the block header does not hash to the block hash',
  'anchor.block_number': 'the block header has another number',
  'anchor.receipt_proof': 'the receipt is not in the block at this index',
  'anchor.receipt_shape': 'the receipt cannot be read',
  'anchor.receipt_failed': 'the transaction failed: its receipt does not have status 1',
  'anchor.log_missing': 'the receipt has no log at this index',
  'anchor.log_address': 'the log was emitted by another contract than the registry',
  'anchor.log_topic': "the log is not the registry's Anchored event",
  'anchor.log_shape': 'the Anchored event does not have its exact shape',
  'anchor.batch_count': 'the batch was anchored with another number of members than the path is for',
  'anchor.state_account': "the state proof does not lead to the registry's contract under the header's state root",
  'anchor.state_slot': "the state proof does not lead to the entry in the registry's storage",
  'anchor.state_entry': "the registry's storage holds another entry than the event tells of",
  'anchor.tx_hash': 'the transaction does not hash to its hash',
  'anchor.tx_proof': 'the transaction is not in the block at this index',
  'anchor.tx_type': 'transactions of this type are not read here, so its signer is not known',
  'anchor.tx_shape': 'the transaction cannot be read',
  'anchor.tx_chain_id': 'the transaction was not signed for this chain',
  'anchor.tx_signature': "the transaction's signature is not valid",
  'anchor.sender': 'the transaction was not signed by the publisher',
  'anchor.calldata': 'the transaction asks for another anchor than the event tells of',
};

/** One sentence for a step that failed or is unchecked: the `note` of the check. */
export function describeStep(code: string): string {
  return MESSAGES[code] ?? code;
}

/** Reads one item of `anchors[]`; throws ArchiveError `anchor.malformed`, naming the first thing that is wrong. */
export function parseAnchorProof(value: unknown): AnchorProof {
  need(isObject(value), 'value', 'is not an object');
  for (const key of OPTIONAL_KEYS) need(!Object.hasOwn(value, key) || value[key] !== null, 'value', `'${key}' is null`);
  for (const key of REQUIRED_KEYS) need(Object.hasOwn(value, key), key, 'is missing');
  for (const key of Object.keys(value)) need(ANCHOR_KEYS.has(key), key.slice(0, 80), 'is not known');
  const { kind, chain_id, genesis, registry, block, transaction, receipt, log_index, state, consensus } = value;
  need(kind === 'anchor' || kind === 'batch', 'kind', "is neither 'anchor' nor 'batch'");
  need(isInteger(chain_id, 1), 'chain_id', 'is not a chain id');
  need(matches(genesis, HASH), 'genesis', 'is not 0x and 64 hex digits');
  need(matches(registry, ADDRESS), 'registry', 'is not 0x and 40 hex digits');
  need(isBlockPart(block), 'block', 'is not number, hash and header as they should be');
  const sent = parseProven(transaction, 'transaction', ['hash', 'raw', 'index', 'proof'], MAX_TRANSACTION_BYTES);
  const { hash, index } = sent;
  need(matches(hash, HASH), 'transaction/hash', 'is not 0x and 64 hex digits');
  need(isInteger(index, 0, MAX_INDEX), 'transaction/index', 'is not an index');
  const told = parseProven(receipt, 'receipt', ['raw', 'proof'], MAX_RECEIPT_BYTES);
  need(isInteger(log_index, 0, MAX_LOGS - 1), 'log_index', 'is not an index');
  need(state === undefined || isStateProof(state), 'state', 'is not account and storage as they should be');
  need(consensus === undefined || isObject(consensus), 'consensus', 'is not an object');
  return {
    kind,
    chain_id,
    genesis,
    registry,
    block,
    transaction: { hash, raw: sent.raw, index, proof: sent.proof },
    receipt: { raw: told.raw, proof: told.proof },
    log_index,
    state: state ?? null,
    consensus: consensus ?? null,
    place: parsePlace(kind, value),
  };
}

/** Whether it is `{number, hash, header}`, also as an exclusion proof has it. */
export function isBlockPart(value: unknown): value is BlockPart {
  return (
    hasExactly(value, ['number', 'hash', 'header']) &&
    isInteger(value['number']) &&
    matches(value['hash'], HASH) &&
    isRaw(value['header'], MAX_HEADER_BYTES)
  );
}

/** An object with exactly these keys, of which `raw` is bytes in a trie and `proof` the nodes that lead to them. */
function parseProven(
  value: unknown, where: string, keys: readonly string[], maxBytes: number,
): Record<string, unknown> & { raw: string; proof: string[] } {
  need(hasExactly(value, keys), where, `does not have exactly ${keys.join(', ')}`);
  const { raw, proof } = value;
  need(isRaw(raw, maxBytes), `${where}/raw`, `is not 0x and hex of at most ${maxBytes} bytes`);
  const listed = Array.isArray(proof) && proof.length >= 1 && proof.length <= MAX_PROOF_NODES;
  need(listed, `${where}/proof`, `is not a list of 1 to ${MAX_PROOF_NODES} nodes`);
  for (const [i, node] of proof.entries()) {
    need(isRaw(node, maxBytes + NODE_OVERHEAD), `${where}/proof/${i}`, 'is not 0x and hex within bounds');
  }
  return { ...value, raw, proof };
}

function parsePlace(kind: 'anchor' | 'batch', value: Record<string, unknown>): Place | null {
  for (const key of PLACE_KEYS) {
    need(Object.hasOwn(value, key) === (kind === 'batch'), 'value', `kind '${kind}' ${kind === 'batch' ? 'without' : 'with'} '${key}'`);
  }
  if (kind === 'anchor') return null;
  const { path, index, count } = value;
  need(Array.isArray(path) && path.length <= MAX_PATH && path.every((node) => matches(node, HEX64)), 'path', 'is not a list of hashes');
  need(isInteger(index, 0, MAX_MEMBERS - 1), 'index', 'is not an index');
  need(isInteger(count, 1, MAX_MEMBERS), 'count', 'is not a count');
  return { path: (path as string[]).map((node) => fromHex(node)!), index, count };
}

function isRaw(value: unknown, maxBytes: number): value is string {
  return typeof value === 'string' && value.length <= 2 + 2 * maxBytes && RAW.test(value);
}

function need(ok: boolean, where: string, what: string): asserts ok {
  if (!ok) throw new ArchiveError('anchor.malformed', `anchor proof: ${where}: ${what}`);
}

type Event = AnchoredEvent | BatchAnchoredEvent;

/** Takes every step that can be taken; never throws for a wrong proof. */
export function checkAnchor(proof: AnchorProof): AnchorInspection {
  const steps = new Steps();
  const header = steps.part(() => takeHeader(proof, steps));
  if (header === null) return { steps: steps.taken, proven: null };
  // Receipt and transaction are checked independently, so that all failures are listed.
  const logged = steps.part(() => {
    const event = takeEvent(proof, takeReceipt(proof, header, steps), steps);
    return { event, codeHash: takeState(proof, header, event, steps) };
  });
  const signed = steps.part(() => {
    const sent = takeTransaction(proof, header, steps);
    return { sender: sent?.sender ?? null, direct: logged !== null && takeOrigin(proof, logged.event, sent, steps) };
  });
  if (logged === null || signed === null) return { steps: steps.taken, proven: null };
  return {
    steps: steps.taken,
    proven: {
      publisher: logged.event.publisher,
      ...toldBy(logged.event),
      blockNumber: header.number,
      blockHash: to0x(header.hash),
      timestamp: header.timestamp,
      registry: proof.registry,
      chainId: proof.chain_id,
      genesis: proof.genesis,
      txHash: proof.transaction.hash,
      sender: signed.sender,
      direct: signed.direct,
      codeHash: logged.codeHash,
      place: proof.place,
    },
  };
}

/** What the event says of a package. */
function toldBy(event: Event): Pick<ProvenAnchor, 'incidentKey' | 'root' | 'previous' | 'contentDigest' | 'ordinal'> {
  const root = bytesToHex(event.root);
  if (event.kind === 'batch') {
    return { incidentKey: to0x(ZERO_WORD), root, previous: null, contentDigest: bytesToHex(ZERO_WORD), ordinal: 0 };
  }
  return {
    incidentKey: to0x(event.incident),
    root,
    previous: isZero(event.previous) ? null : bytesToHex(event.previous),
    contentDigest: bytesToHex(event.contentDigest),
    ordinal: Number(event.ordinal),
  };
}

function takeHeader(proof: AnchorProof, steps: Steps): BlockHeader {
  const raw = bytesOf(proof.block.header);
  const found = to0x(keccak(raw));
  steps.require('anchor.header_hash', found === proof.block.hash, proof.block.hash, found);
  const header = steps.read('anchor.header_shape', () => decodeHeader(raw));
  steps.require('anchor.block_number', header.number === proof.block.number, String(proof.block.number), String(header.number));
  return header;
}

function takeReceipt(proof: AnchorProof, header: BlockHeader, steps: Steps): Receipt {
  const raw = bytesOf(proof.receipt.raw);
  requireInTrie('anchor.receipt_proof', header.receiptsRoot, proof.transaction.index, proof.receipt.proof, raw, steps);
  const receipt = steps.read('anchor.receipt_shape', () => decodeReceipt(raw, proof.log_index));
  steps.require('anchor.receipt_failed', receipt.status === 1n, 'status 1', `status ${receipt.status}`);
  return receipt;
}

function takeEvent(proof: AnchorProof, receipt: Receipt, steps: Steps): Event {
  const { log } = receipt;
  steps.require('anchor.log_missing', log !== null, `log ${proof.log_index}`, `${receipt.logCount} logs`);
  const { address, topics, data } = log!;
  steps.require('anchor.log_address', to0x(address) === proof.registry, proof.registry, to0x(address));
  const expected = proof.place === null ? ANCHORED : BATCH_ANCHORED;
  const found = topics[0] ?? new Uint8Array();
  steps.require('anchor.log_topic', equalBytes(found, expected), to0x(expected), to0x(found));
  if (proof.place === null) {
    const event = steps.read('anchor.log_shape', () => decodeAnchored(topics, data));
    const ok = event.ordinal <= BigInt(MAX_SAFE) && !isZero(event.root) && !isZero(event.incident);
    steps.require('anchor.log_shape', ok, 'a root, an incident, an ordinal', `ordinal ${event.ordinal}`);
    return event;
  }
  const { count } = proof.place;
  const event = steps.read('anchor.log_shape', () => decodeBatchAnchored(topics, data));
  const ok = !isZero(event.root) && event.count > 0n && event.count <= BigInt(MAX_MEMBERS);
  steps.require('anchor.log_shape', ok, 'a root, a count', `count ${event.count}`.slice(0, 80));
  steps.require('anchor.batch_count', event.count === BigInt(count), String(event.count), String(count));
  return event;
}

/** Hash of the registry's code, when a state proof shows that it holds the entry the event tells of. */
function takeState(proof: AnchorProof, header: BlockHeader, event: Event, steps: Steps): string | null {
  const { state } = proof;
  if (state === null) return null;
  const account = steps.read('anchor.state_account', () => readAccount(header.stateRoot, proof.registry, state.account));
  steps.require('anchor.state_account', true, null, account.codeHash);
  const slot = slotOf(event.kind === 'batch' ? 'batches' : 'entries', event.publisher, event.root);
  const value = steps.read('anchor.state_slot', () => readSlot(account.storageRoot, slot, state.storage));
  steps.require('anchor.state_slot', value !== 0n, 'an entry', value === 0n ? 'none: it is proven absent' : 'an entry');
  const found = `slot value ${hexWord(value)}`;
  if (event.kind === 'batch') {
    const stored = (event.count << 104n) | (BigInt(header.timestamp) << 64n) | (BigInt(header.number) << 24n) | KIND_BATCH;
    steps.require('anchor.state_entry', value === stored, `slot value ${hexWord(stored)}`, found);
    return account.codeHash;
  }
  const entry = decodeSlot(value);
  const tag = tagOf(event);
  const same =
    equalBytes(entry.tag, tag) &&
    entry.time === header.timestamp &&
    entry.block === header.number &&
    BigInt(entry.ordinal) === event.ordinal &&
    isPackageEntry(entry);
  const expected = `tag ${bytesToHex(tag)}, time ${header.timestamp}, block ${header.number}, ordinal ${event.ordinal}`;
  steps.require('anchor.state_entry', same, expected, found);
  return account.codeHash;
}

interface Sent {
  readonly transaction: SignedTransaction;
  readonly sender: string;
}

/** The transaction and who signed it; null where its type is not read here. */
function takeTransaction(proof: AnchorProof, header: BlockHeader, steps: Steps): Sent | null {
  const raw = bytesOf(proof.transaction.raw);
  const found = to0x(keccak(raw));
  steps.require('anchor.tx_hash', found === proof.transaction.hash, proof.transaction.hash, found);
  requireInTrie('anchor.tx_proof', header.transactionsRoot, proof.transaction.index, proof.transaction.proof, raw, steps);
  const first = raw[0]!;
  if (first !== 1 && first !== 2 && first < 0xc0) {
    steps.leave('anchor.tx_type', 'type 0, 1 or 2', `type ${first}`);
    return null;
  }
  const transaction = steps.read('anchor.tx_shape', () => decodeTransaction(raw));
  const { chainId, digest, r, s, parity } = transaction;
  const signedFor = chainId === null ? 'none' : String(chainId);
  steps.require('anchor.tx_chain_id', chainId === BigInt(proof.chain_id), String(proof.chain_id), signedFor);
  const sender = steps.read('anchor.tx_signature', () => recoverStrict(digest, r, s, parity));
  steps.require('anchor.tx_signature', true, null, sender);
  return { transaction, sender };
}

/** Whether a signature of the publisher's own key covers the anchor itself: its transaction, or the request inside it. */
function takeOrigin(proof: AnchorProof, event: Event, sent: Sent | null, steps: Steps): boolean {
  const asked = sent !== null && sent.transaction.to === proof.registry ? askedBy(proof, event, sent) : null;
  if (asked === null) {
    steps.leave('anchor.sender', event.publisher, sent?.sender ?? null);
    return false;
  }
  const said = event.kind === 'batch' ? encodeAnchorBatch(event.root, event.count) : encodeAnchor(event);
  steps.require('anchor.sender', asked.signer === event.publisher, event.publisher, asked.signer);
  steps.require('anchor.calldata', equalBytes(asked.calldata, said), to0x(said), to0x(asked.calldata));
  return true;
}

/** The call as its author would send it, and whose key signed it; null where that cannot be told. */
function askedBy(proof: AnchorProof, event: Event, sent: Sent): { calldata: Uint8Array; signer: string } | null {
  const { calldata } = sent.transaction;
  if (isCallOf(event.kind, calldata)) return { calldata, signer: sent.sender };
  if (event.kind === 'batch') return null;
  const request = decodeAnchorFor(calldata, proof.chain_id, proof.registry);
  const signer = request === null ? null : signerOf(request);
  // Where the account is a contract wallet the signature is in the wallet's own form, and only the registry knows.
  if (request === null || signer === null || signer !== request.act.account) return null;
  return { calldata: directCall(request)!, signer };
}

/** The value at `rlp(index)` under `root` must be `expected`, by exactly these nodes and no others. */
function requireInTrie(
  code: string, root: Uint8Array, index: number, proof: readonly string[], expected: Uint8Array, steps: Steps,
): void {
  const value = steps.read(code, () => indexedValue(root, index, proof.map(bytesOf)));
  steps.require(code, equalBytes(value, expected), to0x(keccak(expected)), to0x(keccak(value)));
}
