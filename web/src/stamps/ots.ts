import { ripemd160, sha1 } from '@noble/hashes/legacy.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { bytesToHex, compareBytes, concatBytes, equalBytes, fromHex, utf8ToBytes } from '../bytes.ts';
import { ArchiveError } from '../errors.ts';
import { thousands } from '../verify/python.ts';
import { MAX_HEIGHT } from './bitcoin.ts';
import { MAX_PROOF_BYTES, subjectMessage } from './entries.ts';

// OpenTimestamps proofs, read within bounds. A proof is a tree of operations from the SHA-256 of the subject to
// attestations. `pending` says that a calendar promised something, and proves nothing; an attestation of Bitcoin says that
// the bytes it stands on are the merkle root of the block at a height. Source: opentimestamps.org.

const MAGIC = concatBytes(utf8ToBytes('\0OpenTimestamps\0\0Proof\0'), fromHex('bf89e2e884e89294')!);
const VERSION = 1n;
const MAX_OPERATIONS = 4096;
const MAX_DEPTH = 256;
const MAX_ATTESTATIONS = 64;
const MAX_MESSAGE = 4096;
const MAX_PAYLOAD = 8192;
const MAX_URI = 1000;
const TAG_BYTES = 8;
const PENDING = '83dfe30d2ef90c8e';
const BITCOIN = '0588960d73d71901';
// Known names of what is not checked here: blocks of other chains.
const OTHER_BLOCKS: Record<string, string> = { '06869a0d73d71b45': 'LitecoinBlockHeader', '30fe8087b5c7ead7': 'EthereumBlockHeader' };
const URI = /^[A-Za-z0-9\-._/:]*$/;

const HASHES: Record<number, { name: string; size: number; hash: (data: Uint8Array) => Uint8Array }> = {
  0x02: { name: 'sha1', size: 20, hash: sha1 },
  0x03: { name: 'ripemd160', size: 20, hash: ripemd160 },
  0x08: { name: 'sha256', size: 32, hash: sha256 },
  0x67: { name: 'keccak256', size: 32, hash: keccak_256 },
};
const APPEND = 0xf0;
const PREPEND = 0xf1;
const REVERSE = 0xf2;
const HEXLIFY = 0xf3;

type Attestation =
  | { readonly kind: 'pending'; readonly uri: string }
  | { readonly kind: 'bitcoin'; readonly height: bigint }
  | { readonly kind: 'other'; readonly name: string };

/** A node of the tree: bytes, what is attested of them, and the nodes that operations make of them. */
interface Node {
  readonly message: Uint8Array;
  readonly attestations: Map<string, Attestation>;
  readonly operations: Map<string, Node>;
}

/** A calendar's promise: where to ask, and about which bytes. */
export interface Pending {
  readonly uri: string;
  readonly commitment: Uint8Array;
}

/** The bytes that must be the merkle root of the block at this height. */
export interface InBlock {
  readonly height: number;
  readonly merkleRoot: Uint8Array;
}

/** What a proof attests to. `pending` are promises that nothing came of yet; `other` names what this version does not check. */
export interface Proof {
  readonly digest: Uint8Array;
  readonly digestName: string;
  readonly pending: readonly Pending[];
  readonly blocks: readonly InBlock[];
  readonly other: readonly string[];
}

function malformed(what: string): never {
  throw new ArchiveError('stamp.opentimestamps.malformed', `OpenTimestamps proof: ${what}`);
}

class Reader {
  private at = 0;
  private readonly data: Uint8Array;

  constructor(data: Uint8Array) {
    this.data = data;
  }

  bytes(size: number): Uint8Array {
    const found = this.data.subarray(this.at, this.at + size);
    if (found.length !== size) malformed(`Tried to read ${size} bytes but got only ${found.length} bytes`);
    this.at += size;
    return found;
  }

  byte(): number {
    return this.bytes(1)[0]!;
  }

  /** A number, seven bits a byte, the lowest first. */
  number(): bigint {
    const digits: string[] = [];
    for (;;) {
      const byte = this.byte();
      digits.push((byte & 0x7f).toString(2).padStart(7, '0'));
      if ((byte & 0x80) === 0) return BigInt('0b' + digits.reverse().join(''));
    }
  }

  text(most: number, least = 0): Uint8Array {
    const size = this.number();
    if (size > BigInt(most)) malformed(`varbytes max length exceeded; ${size} > ${most}`);
    if (size < BigInt(least)) malformed(`varbytes min length not met; ${size} < ${least}`);
    return this.bytes(Number(size));
  }

  end(): void {
    if (this.at < this.data.length) malformed('Trailing garbage found after end of deserialized data');
  }
}

/**
 * Reads a detached proof. Throws `stamp.opentimestamps.version` for a later version of the format,
 * `stamp.opentimestamps.malformed`, `stamp.opentimestamps.too_large`.
 */
export function parseProof(data: Uint8Array): Proof {
  if (data.length > MAX_PROOF_BYTES) tooLarge(`larger than ${thousands(MAX_PROOF_BYTES)} bytes`);
  const reader = new Reader(data);
  if (!equalBytes(data.subarray(0, MAGIC.length), MAGIC)) malformed('it does not begin as one');
  reader.bytes(MAGIC.length);
  const version = reader.number();
  if (version !== VERSION) {
    const said = `Version ${version} detached timestamp files are not supported`;
    throw new ArchiveError('stamp.opentimestamps.version', `OpenTimestamps proof of a version not known here: ${said}`);
  }
  const tag = reader.byte();
  const hash = HASHES[tag] ?? malformed(`Unknown operation tag 0x${tag.toString(16)}`);
  const digest = reader.bytes(hash.size);
  const tree = readNode(reader, digest, MAX_DEPTH);
  reader.end();
  checkBounds(tree);
  return { digest, digestName: hash.name, ...attested(tree) };
}

/** Whether a proof starts from the SHA-256 of the raw bytes of this root. */
export function isAbout(proof: Proof, root: string): boolean {
  return proof.digestName === 'sha256' && equalBytes(proof.digest, sha256(subjectMessage(root)));
}

function readNode(reader: Reader, message: Uint8Array, depth: number): Node {
  if (depth === 0) malformed('Reached timestamp recursion depth limit while deserializing');
  const node: Node = { message, attestations: new Map(), operations: new Map() };
  for (;;) {
    let tag = reader.byte();
    const more = tag === 0xff;
    if (more) tag = reader.byte();
    if (tag === 0x00) {
      const [key, attestation] = readAttestation(reader);
      node.attestations.set(key, attestation);
    } else {
      const [key, result] = readOperation(reader, tag, message);
      node.operations.set(key, readNode(reader, result, depth - 1));
    }
    if (!more) return node;
  }
}

/** An operation, named by its bytes, and its result. */
function readOperation(reader: Reader, tag: number, message: Uint8Array): [string, Uint8Array] {
  const hash = HASHES[tag];
  let key = tag.toString(16);
  let result: Uint8Array;
  let most = MAX_MESSAGE;
  if (hash !== undefined) {
    result = hash.hash(message);
  } else if (tag === APPEND || tag === PREPEND) {
    const argument = reader.text(MAX_MESSAGE, 1);
    key += bytesToHex(argument);
    result = tag === APPEND ? concatBytes(message, argument) : concatBytes(argument, message);
  } else if (tag === REVERSE) {
    result = message.slice().reverse();
  } else if (tag === HEXLIFY) {
    most = MAX_MESSAGE / 2;
    result = utf8ToBytes(bytesToHex(message.subarray(0, most)));
  } else {
    return malformed(`Unknown operation tag 0x${tag.toString(16)}`);
  }
  if (message.length > most || result.length > MAX_MESSAGE) malformed(`Invalid timestamp; message too long for an operation of tag 0x${tag.toString(16)}`);
  return [key, result];
}

function readAttestation(reader: Reader): [string, Attestation] {
  const tag = bytesToHex(reader.bytes(TAG_BYTES));
  const payload = reader.text(MAX_PAYLOAD);
  const inner = new Reader(payload);
  if (tag === PENDING) {
    const uri = String.fromCharCode(...inner.text(MAX_URI));
    if (!URI.test(uri)) malformed('Invalid URI: URI contains invalid character');
    inner.end();
    return [`pending ${uri}`, { kind: 'pending', uri }];
  }
  const other = OTHER_BLOCKS[tag];
  if (tag === BITCOIN || other !== undefined) {
    const height = inner.number();
    inner.end();
    return [`${tag} ${height}`, tag === BITCOIN ? { kind: 'bitcoin', height } : { kind: 'other', name: other! }];
  }
  return [`${tag} ${bytesToHex(payload)}`, { kind: 'other', name: `tag ${tag}` }];
}

function* nodesOf(tree: Node): Generator<Node> {
  const todo = [tree];
  for (let node = todo.pop(); node !== undefined; node = todo.pop()) {
    yield node;
    todo.push(...node.operations.values());
  }
}

function checkBounds(tree: Node): void {
  let operations = 0;
  let attestations = 0;
  for (const node of nodesOf(tree)) {
    operations += node.operations.size;
    attestations += node.attestations.size;
    if (operations > MAX_OPERATIONS || attestations > MAX_ATTESTATIONS) {
      tooLarge(`more than ${thousands(MAX_OPERATIONS)} operations or ${MAX_ATTESTATIONS} attestations`);
    }
  }
}

function attested(tree: Node): Pick<Proof, 'pending' | 'blocks' | 'other'> {
  const pending = new Map<string, Pending>();
  const blocks = new Map<string, InBlock>();
  const other = new Set<string>();
  for (const node of nodesOf(tree)) {
    const found = [...node.attestations.values()];
    const kept = found.some((a) => a.kind === 'pending') && cameOfIt(node);
    for (const attestation of found) {
      if (attestation.kind === 'pending') {
        if (!kept) pending.set(`${attestation.uri} ${bytesToHex(node.message)}`, { uri: attestation.uri, commitment: node.message });
      } else if (attestation.kind === 'bitcoin') {
        if (attestation.height > BigInt(MAX_HEIGHT) || node.message.length !== 32) {
          malformed('an attestation of a block that cannot be, or over what is no merkle root');
        }
        blocks.set(`${attestation.height} ${bytesToHex(node.message)}`, { height: Number(attestation.height), merkleRoot: node.message });
      } else {
        other.add(attestation.name);
      }
    }
  }
  return {
    pending: [...pending.values()].sort((a, b) => (a.uri === b.uri ? compareBytes(a.commitment, b.commitment) : a.uri < b.uri ? -1 : 1)),
    blocks: [...blocks.values()].sort((a, b) => a.height - b.height || compareBytes(a.merkleRoot, b.merkleRoot)),
    other: [...other].sort(),
  };
}

/** Whether something other than promises came of what stands on these bytes. */
function cameOfIt(tree: Node): boolean {
  for (const node of nodesOf(tree)) for (const a of node.attestations.values()) if (a.kind !== 'pending') return true;
  return false;
}

function tooLarge(what: string): never {
  throw new ArchiveError('stamp.opentimestamps.too_large', `OpenTimestamps proof: ${what}`);
}
