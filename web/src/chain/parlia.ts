import { bytesToHex, isZero, keccak, toBigInt } from './codec.ts';
import { ChainError } from './consensus-error.ts';
import type { Validator, ValidatorSet } from './consensus.ts';
import { MAX_HEADER_BYTES, MAX_HEADER_FIELDS, MIN_HEADER_FIELDS } from './header.ts';
import { recoverSeal } from './ecdsa.ts';
import { to0x } from '../bytes.ts';
import { decodeRlp, encodeInt, encodeList, encodeString, listOf, rlpInt, stringOf, type RlpItem } from './rlp.ts';
import { FORK_ID_SIZE, type ChainRules, type Rules } from './rules.ts';
import { Malformed } from './steps.ts';

// A Parlia header read strictly. extraData, in this order: 32 bytes of vanity; on an epoch block the validators (a byte n, n
// times address and BLS key, since Bohr a byte turn length); the RLP of a vote attestation, or nothing; the 65-byte seal.

const VANITY_SIZE = 32;
const SEAL_SIZE = 65;
const ADDRESS_SIZE = 20;
const VALIDATOR_SIZE = ADDRESS_SIZE + 48;
// Votes are bits of one 64-bit word.
const MAX_VALIDATORS = 64;
const MAX_ATTESTATION_BYTES = 1024;
const MAX_ATTESTATION_EXTRA = 256;
const EMPTY_UNCLES = '1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347';
const EMPTY_TRIE = '56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421';
const MAX_GAS = 2n ** 63n - 1n;
const LONDON_FIELDS = 16;
const CANCUN_FIELDS = 19;
const BOHR_FIELDS = 20;

/** Name, and size in bytes, 'int' for an integer, null for any size; in the order of the header's list. */
const FIELDS: readonly (readonly [string, number | 'int' | null])[] = [
  ['parentHash', 32], ['sha3Uncles', 32], ['miner', 20], ['stateRoot', 32], ['transactionsRoot', 32], ['receiptsRoot', 32],
  ['logsBloom', 256], ['difficulty', 'int'], ['number', 'int'], ['gasLimit', 'int'], ['gasUsed', 'int'], ['timestamp', 'int'],
  ['extraData', null], ['mixHash', 32], ['nonce', 8], ['baseFeePerGas', 'int'], ['withdrawalsRoot', 32], ['blobGasUsed', 'int'],
  ['excessBlobGas', 'int'], ['parentBeaconBlockRoot', 32], ['requestsHash', 32],
];
const AT = Object.fromEntries(FIELDS.map(([name], place) => [name, place])) as Readonly<Record<string, number>>;

/** A vote of validators for one link from a source block to a target block. `bits` by place in the sorted set. */
export interface Attestation {
  readonly bits: bigint;
  readonly signature: Uint8Array;
  readonly sourceNumber: number;
  readonly sourceHash: string;
  readonly targetNumber: number;
  readonly targetHash: string;
  /** What was signed. */
  readonly message: Uint8Array;
}

/** One header. `time` is in milliseconds since 1970; `announced` is the set of an epoch block. */
export interface ParliaHeader {
  readonly hash: string;
  readonly fields: readonly RlpItem[];
  readonly rules: Rules;
  readonly number: number;
  readonly time: number;
  readonly parentHash: string;
  readonly miner: string;
  readonly difficulty: bigint;
  readonly announced: ValidatorSet | null;
  readonly attestation: Attestation | null;
  readonly seal: Uint8Array;
}

/**
 * Reads a header by the rules of its fork. Throws ChainError: wrong `consensus.header_shape`, `.header_fields`,
 * `.header_value`, `.extra_data`, `.attestation_shape`; not known `.unknown_fork`, `.before_finality`, `.epoch_switch`.
 */
export function decodeParliaHeader(raw: Uint8Array, chain: ChainRules): ParliaHeader {
  const fields = readFields(raw);
  const [exactNumber, exactTime] = [integer(fields, 'number'), integer(fields, 'timestamp')];
  if (exactNumber >= 2n ** 53n || exactTime >= 2n ** 40n) {
    throw wrong('header_value', exactNumber, 'its number or time is out of range');
  }
  const [number, time] = [Number(exactNumber), Number(exactTime)];
  const rules = chain.at(number, time);
  const newest = chain.afterLastFork(number, time);
  if (fields.length !== rules.fields) {
    if (newest && fields.length > rules.fields) {
      throw unknownFork(number, `it has ${fields.length} fields, the newest fork known here has ${rules.fields}`);
    }
    throw wrong('header_fields', number, `${fields.length} fields, and ${rules.fork} headers have ${rules.fields}`);
  }
  for (const [place, field] of fields.entries()) {
    const [name, size] = FIELDS[place]!;
    const { length } = field.payload;
    if (size === 'int') integer(fields, name);
    else if (size !== null && length !== size) throw wrong('header_value', number, `${name} is ${length} bytes long, not ${size}`);
  }
  const extra = bytesAt(fields, 'extraData');
  if (extra.length < VANITY_SIZE + SEAL_SIZE) throw wrong('extra_data', number, 'it is too short for vanity and seal');
  const forkId = extra.subarray(VANITY_SIZE - FORK_ID_SIZE, VANITY_SIZE);
  // Some validators leave it zero.
  if (newest && !isZero(forkId) && bytesToHex(forkId) !== chain.forkId) {
    throw unknownFork(number, 'it announces a fork that is not known here');
  }
  const milliseconds = checkValues(fields, number, rules);
  const { announced, attestation } = readExtra(extra.subarray(VANITY_SIZE, -SEAL_SIZE), number, rules);
  return {
    hash: to0x(keccak(raw)),
    fields,
    rules,
    number,
    time: time * 1000 + milliseconds,
    parentHash: to0x(bytesAt(fields, 'parentHash')),
    miner: to0x(bytesAt(fields, 'miner')),
    difficulty: integer(fields, 'difficulty'),
    announced,
    attestation,
    seal: extra.subarray(-SEAL_SIZE),
  };
}

/** The address whose key sealed the header for a chain; null when no key fits. */
export function recoverSealer({ fields, seal }: ParliaHeader, chainId: number): string | null {
  const extra = bytesAt(fields, 'extraData');
  // Fields after the 15th are covered only since Bohr added the 20th.
  const covered = fields.length > AT['parentBeaconBlockRoot']! ? fields : fields.slice(0, MIN_HEADER_FIELDS);
  const encoded = covered.map((field, place) => (place === AT['extraData'] ? encodeString(extra.subarray(0, -SEAL_SIZE)) : field.encoded));
  return recoverSeal(keccak(encodeList([encodeInt(chainId), ...encoded])), seal);
}


function readFields(raw: Uint8Array): RlpItem[] {
  let fields: RlpItem[] | null;
  try {
    fields = listOf(decodeRlp(raw, MAX_HEADER_BYTES), MAX_HEADER_FIELDS);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    throw ChainError.wrong('header_shape', `header: ${error.message}`);
  }
  if (fields === null || fields.length < MIN_HEADER_FIELDS) {
    throw ChainError.wrong('header_shape', 'header: not a list of header fields');
  }
  if (fields.some((field) => field.isList)) throw ChainError.wrong('header_shape', 'header: a field is a list');
  return fields;
}

function bytesAt(fields: readonly RlpItem[], name: string): Uint8Array {
  return fields[AT[name]!]!.payload;
}

function integer(fields: readonly RlpItem[], name: string): bigint {
  try {
    return rlpInt(fields[AT[name]!]!);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    throw ChainError.wrong('header_shape', `header: ${name}: ${error.message}`);
  }
}

/** Fields that a fork fixes; returns the milliseconds of the block's time. */
function checkValues(fields: readonly RlpItem[], number: number, rules: Rules): number {
  const need = (ok: boolean, what: string): void => {
    if (!ok) throw wrong('header_value', number, what);
  };
  const mix = toBigInt(bytesAt(fields, 'mixHash'));
  const [limit, used] = [integer(fields, 'gasLimit'), integer(fields, 'gasUsed')];
  need(bytesToHex(bytesAt(fields, 'sha3Uncles')) === EMPTY_UNCLES, 'sha3Uncles is not that of no uncles');
  need(rules.milliseconds ? mix < 1000n : mix === 0n, 'mixHash does not fit the fork');
  need(used <= limit && limit <= MAX_GAS, 'more gas was used than the limit allows');
  if (rules.fields >= LONDON_FIELDS) need(integer(fields, 'baseFeePerGas') === 0n, 'baseFeePerGas is not zero');
  if (rules.fields >= CANCUN_FIELDS) {
    need(bytesToHex(bytesAt(fields, 'withdrawalsRoot')) === EMPTY_TRIE, 'withdrawalsRoot is not that of no withdrawals');
  }
  if (rules.fields >= BOHR_FIELDS) need(isZero(bytesAt(fields, 'parentBeaconBlockRoot')), 'parentBeaconBlockRoot is not zero');
  return Number(mix);
}

function readExtra(data: Uint8Array, number: number, rules: Rules): Pick<ParliaHeader, 'announced' | 'attestation'> {
  const [announced, rest] = number % rules.epochLength === 0 ? readValidators(data, number, rules) : [null, data];
  return { announced, attestation: rest.length > 0 ? readAttestation(rest, number) : null };
}

function readValidators(data: Uint8Array, number: number, rules: Rules): [ValidatorSet, Uint8Array] {
  const count = data[0] ?? 0;
  const end = 1 + count * VALIDATOR_SIZE;
  const turnSize = rules.turnLength ? 1 : 0;
  if (count < 1 || count > MAX_VALIDATORS || data.length < end + turnSize) {
    throw wrong('extra_data', number, 'an epoch block without a list of validators');
  }
  const validators: Validator[] = [];
  for (let at = 1; at < end; at += VALIDATOR_SIZE) {
    const address = to0x(data.subarray(at, at + ADDRESS_SIZE));
    const before = validators.at(-1);
    if (before !== undefined && address <= before.address) {
      throw wrong('extra_data', number, 'validators are listed twice or out of order');
    }
    validators.push({ address, bls: to0x(data.subarray(at + ADDRESS_SIZE, at + VALIDATOR_SIZE)) });
  }
  const turnLength = rules.turnLength ? data[end]! : 1;
  if (turnLength < 1) throw wrong('extra_data', number, 'the turn length is zero');
  return [{ validators, turnLength }, data.subarray(end + turnSize)];
}

function readAttestation(data: Uint8Array, number: number): Attestation {
  try {
    return readVotes(decodeRlp(data, MAX_ATTESTATION_BYTES));
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    throw wrong('attestation_shape', number, `vote attestation: ${error.message}`);
  }
}

function readVotes(item: RlpItem): Attestation {
  const parts = listOf(item, 4);
  if (parts === null || parts.length !== 4) throw new Malformed('not a list of 4 items');
  const [bits, , data] = parts as [RlpItem, RlpItem, RlpItem, RlpItem];
  const [signature, extra] = [stringOf(parts[1], 96), stringOf(parts[3])];
  if (signature === null || extra === null) throw new Malformed('signature or extra of the wrong kind');
  if (extra.length > MAX_ATTESTATION_EXTRA) throw new Malformed('extra is too long');
  const link = listOf(data, 4);
  if (link === null || link.length !== 4) throw new Malformed('vote data is not a list of 4 items');
  const [sourceHash, targetHash] = [stringOf(link[1], 32), stringOf(link[3], 32)];
  if (sourceHash === null || targetHash === null) throw new Malformed('a block hash is not 32 bytes');
  const [word, source, target] = [rlpInt(bits), rlpInt(link[0]!), rlpInt(link[2]!)];
  if ([word, source, target].some((value) => value >= 2n ** 64n)) throw new Malformed('a number of more than 64 bits');
  if (source >= target) throw new Malformed('the source is not below the target');
  return {
    bits: word,
    signature,
    // Beyond 2^53 these are not exact, but no header has such a number: they are compared with the numbers of headers.
    sourceNumber: Number(source),
    sourceHash: to0x(sourceHash),
    targetNumber: Number(target),
    targetHash: to0x(targetHash),
    message: keccak(data.encoded),
  };
}

function wrong(rule: string, number: number | bigint, what: string): ChainError {
  return ChainError.wrong(rule, `block ${number}: ${what}`);
}

function unknownFork(number: number, what: string): ChainError {
  return ChainError.unknown('unknown_fork', `block ${number}: ${what}`, 'update archive: rules that are not known are not guessed');
}

