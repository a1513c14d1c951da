import { equalBytes, from0x, to0x, utf8ToBytes } from '../bytes.ts';
import { ArchiveError } from '../errors.ts';
import * as canonical from '../format/canonical.ts';
import {
  addressWord, bytesOf, concatBytes, hasExactly, HASH, HEX64, ADDRESS, intWord, isInteger, isPrintable, isZero,
  keccak, keccakText, matches, MAX_SAFE, splitWords, toBigInt, WORD, ZERO_WORD,
} from './codec.ts';
import { recoverMessage } from './ecdsa.ts';
import { encodeAnchor, selector, type AnchorCall } from './registry.ts';
import { Malformed } from './steps.ts';

// Requests that one key signs and another sends (docs/registry.md). The digest binds chain, contract and account.

export const REQUEST_FORMAT = 'incident-archive-request/1';
export const MAX_REQUEST_BYTES = 64 * 1024;
const MAX_SIGNATURE_BYTES = 8 * 1024;
const MAX_REASON_BYTES = 512;

export type ActName = 'anchor' | 'endorse' | 'withdraw' | 'retract';

/** What the account asks for; words are 32 bytes, `previous` zero for none. */
export type Act =
  | { readonly name: 'anchor'; readonly account: string; readonly call: AnchorCall }
  | { readonly name: 'endorse' | 'withdraw'; readonly account: string; readonly root: Uint8Array }
  | { readonly name: 'retract'; readonly account: string; readonly root: Uint8Array; readonly reason: string };

/** An act, where and until when it may be done, and the signature; null before it is signed. */
export interface Request {
  readonly chainId: number;
  readonly registry: string;
  readonly act: Act;
  /** Seconds since 1970; in a call on chain it may be any uint256. */
  readonly deadline: bigint;
  readonly signature: Uint8Array | null;
}

const TYPES: Readonly<Record<ActName, Uint8Array>> = {
  anchor: keccakText('Anchor(address publisher,bytes32 incident,bytes32 root,bytes32 previous,bytes32 contentDigest,uint256 deadline)'),
  endorse: keccakText('Endorse(address endorser,bytes32 root,uint256 deadline)'),
  withdraw: keccakText('Withdraw(address endorser,bytes32 root,uint256 deadline)'),
  retract: keccakText('Retract(address publisher,bytes32 root,string reason,uint256 deadline)'),
};
const DOMAIN_TYPE = keccakText('EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)');
const DOMAIN = concatBytes(DOMAIN_TYPE, keccakText('IncidentArchive'), keccakText('1'));
const RELAYS: Readonly<Record<ActName, Uint8Array>> = {
  anchor: selector('anchorFor(address,bytes32,bytes32,bytes32,bytes32,uint256,bytes)'),
  endorse: selector('endorseFor(address,bytes32,uint256,bytes)'),
  withdraw: selector('withdrawFor(address,bytes32,uint256,bytes)'),
  retract: selector('retractFor(address,bytes32,string,uint256,bytes)'),
};

/** hashStruct of EIP-712. */
export function structHash({ act, deadline }: Request): Uint8Array {
  return keccak(concatBytes(TYPES[act.name], addressWord(act.account), ...members(act), intWord(deadline)));
}

/** The 32 bytes that are signed. */
export function digestOf(request: Request): Uint8Array {
  const domain = keccak(concatBytes(DOMAIN, intWord(request.chainId), addressWord(request.registry)));
  return keccak(concatBytes(new Uint8Array([0x19, 0x01]), domain, structHash(request)));
}

/** The address whose key made the signature; null where it is not one of a key (then a contract wallet may know it). */
export function signerOf(request: Request): string | null {
  return request.signature === null ? null : recoverMessage(digestOf(request), request.signature);
}

/** That the account itself signed; throws ArchiveError `request.signature`, also where only a contract wallet could tell. */
export function checkSignature(request: Request): void {
  if (signerOf(request) !== request.act.account) {
    throw new ArchiveError('request.signature', `the signature is not that of the key ${request.act.account}`);
  }
}

/** Calldata of the registry's `…For`. */
export function relayCall(request: Request): Uint8Array {
  const { act } = request;
  const words: (Uint8Array | Dynamic)[] = [addressWord(act.account)];
  if (act.name === 'anchor') words.push(...wordsOf(act.call));
  else words.push(act.root);
  if (act.name === 'retract') words.push({ data: utf8ToBytes(act.reason) });
  words.push(intWord(request.deadline), { data: request.signature ?? new Uint8Array() });
  return concatBytes(RELAYS[act.name], encodeArguments(words));
}

/** The signed request in a call of `anchorFor` and nothing else, encoded as compilers do; null for any other call. */
export function decodeAnchorFor(calldata: Uint8Array, chainId: number, registry: string): Request | null {
  const start = 4 + 7 * WORD;
  if (!equalBytes(calldata.subarray(0, 4), RELAYS.anchor) || calldata.length < start + WORD) return null;
  const [account, incident, root, previous, contentDigest, deadline] = splitWords(calldata.subarray(4, start), 7) as [
    Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array,
  ];
  const size = toBigInt(calldata.subarray(start, start + WORD));
  if (size > BigInt(MAX_SIGNATURE_BYTES) || !isZero(account.subarray(0, 12))) return null;
  const signature = calldata.subarray(start + WORD, start + WORD + Number(size));
  const act: Act = { name: 'anchor', account: to0x(account.subarray(12)), call: { incident, root, previous, contentDigest } };
  const request: Request = { chainId, registry, act, deadline: toBigInt(deadline), signature };
  return equalBytes(relayCall(request), calldata) ? request : null;
}

/** Calldata of an anchor as its own account sends it. */
export function directCall(request: Request): Uint8Array | null {
  return request.act.name === 'anchor' ? encodeAnchor(request.act.call) : null;
}

/**
 * Reads a request file strictly; the signature is not judged here. Throws ArchiveError `request.too_large`,
 * `request.unknown_format`, `request.shape`, or a rule of canonical JSON.
 */
export function parseRequest(data: Uint8Array): Request {
  if (data.length > MAX_REQUEST_BYTES) {
    throw new ArchiveError('request.too_large', `larger than ${MAX_REQUEST_BYTES} bytes`);
  }
  const value = canonical.loads(data, { maxBytes: MAX_REQUEST_BYTES });
  if (!canonical.isObject(value) || value['format'] !== REQUEST_FORMAT) {
    throw new ArchiveError('request.unknown_format', `not of format "${REQUEST_FORMAT}"`);
  }
  try {
    return readRequest(value);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    throw new ArchiveError('request.shape', error.message);
  }
}

interface Dynamic {
  readonly data: Uint8Array;
}

function wordsOf(call: AnchorCall): Uint8Array[] {
  return [call.incident, call.root, call.previous, call.contentDigest];
}

function members(act: Act): Uint8Array[] {
  if (act.name === 'anchor') return wordsOf(act.call);
  return act.name === 'retract' ? [act.root, keccakText(act.reason)] : [act.root];
}

/** ABI encoding of one-word and of `bytes` or `string` arguments. */
function encodeArguments(parts: readonly (Uint8Array | Dynamic)[]): Uint8Array {
  const head: Uint8Array[] = [];
  const tail: Uint8Array[] = [];
  let end = parts.length * WORD;
  for (const part of parts) {
    if (part instanceof Uint8Array) {
      head.push(part);
      continue;
    }
    const padded = new Uint8Array(Math.ceil(part.data.length / WORD) * WORD);
    padded.set(part.data);
    head.push(intWord(end));
    tail.push(intWord(part.data.length), padded);
    end += WORD + padded.length;
  }
  return concatBytes(...head, ...tail);
}

function readRequest(value: Record<string, unknown>): Request {
  exactly(value, ['format', 'chain_id', 'registry', 'act', 'message', 'signature'], 'the request');
  const { chain_id: chainId, registry, act: name, message } = value;
  if (name !== 'anchor' && name !== 'endorse' && name !== 'withdraw' && name !== 'retract') {
    throw new Malformed(`the act ${JSON.stringify(name)?.slice(0, 40)} is not known`);
  }
  if (!isInteger(chainId, 1)) throw new Malformed('chain_id is not a whole number in range');
  const contract = text(registry, ADDRESS, 'registry');
  let signature: Uint8Array | null = null;
  if (value['signature'] !== null) {
    signature = typeof value['signature'] === 'string' ? from0x(value['signature']) : null;
    if (signature === null) throw new Malformed('signature is not lower-case hex of the right size');
    if (signature.length === 0 || signature.length > MAX_SIGNATURE_BYTES) {
      throw new Malformed(`signature is not 1 to ${MAX_SIGNATURE_BYTES} bytes`);
    }
  }
  const who = name === 'endorse' || name === 'withdraw' ? 'endorser' : 'publisher';
  const more = name === 'anchor' ? ['incident', 'previous', 'content_digest'] : name === 'retract' ? ['reason'] : [];
  exactly(message, [who, 'root', 'deadline', ...more], 'the message');
  const account = text(message[who], ADDRESS, who);
  const root = bytesOf('0x' + text(message['root'], HEX64, 'root'));
  const deadline = message['deadline'];
  let act: Act;
  if (name === 'anchor') {
    const previous = message['previous'];
    act = {
      name,
      account,
      call: {
        incident: bytesOf(text(message['incident'], HASH, 'incident')),
        root,
        previous: previous === null ? ZERO_WORD : bytesOf('0x' + text(previous, HEX64, 'previous')),
        contentDigest: bytesOf('0x' + text(message['content_digest'], HEX64, 'content_digest')),
      },
    };
  } else if (name === 'retract') {
    act = { name, account, root, reason: checkedReason(message['reason']) };
  } else {
    act = { name, account, root };
  }
  if (!isInteger(deadline, 0, MAX_SAFE)) throw new Malformed('deadline is not a whole number in range');
  return { chainId, registry: contract, act, deadline: BigInt(deadline), signature };
}

/** A reason of 1 to 512 bytes of printable text; throws Malformed. */
function checkedReason(reason: unknown): string {
  if (typeof reason !== 'string' || reason.trim() === '' || !isPrintable(reason)) {
    throw new Malformed('reason is not printable text');
  }
  if (utf8ToBytes(reason).length > MAX_REASON_BYTES) throw new Malformed(`reason is longer than ${MAX_REASON_BYTES} bytes`);
  return reason;
}

function exactly(value: unknown, keys: readonly string[], what: string): asserts value is Record<string, unknown> {
  if (!hasExactly(value, keys)) throw new Malformed(`${what} does not have exactly the keys ${[...keys].sort().join(', ')}`);
}

function text(value: unknown, pattern: RegExp, what: string): string {
  if (!matches(value, pattern)) throw new Malformed(`${what} is not lower-case hex of the right size`);
  return value;
}

