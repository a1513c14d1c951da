import { isObject, own } from '../format/canonical.ts';
import { AggregateSignature } from './bls.ts';
import { bytesOf, hasExactly, RAW } from './codec.ts';
import { ChainError } from './consensus-error.ts';
import { MAX_HEADER_BYTES } from './header.ts';
import { decodeParliaHeader, recoverSealer, type Attestation, type ParliaHeader } from './parlia.ts';
import { historyOf } from './pins.ts';
import { PUBLIC, rulesOf, type ChainRules } from './rules.ts';
import { holds, inTurn, quorumOf, sameSet, ZERO_KEY, type SetHistory } from './sets.ts';
import type { Status } from './steps.ts';

// That a block is final, shown by headers, votes and the reader's own validator sets (docs/consensus.md). A proof holds the
// headers that follow the block, up to one whose votes have a source S at or after the block and S's child as their target:
// then S and all before it are final. Whoever holds the keys of two thirds of a pinned set can forge: how old it is, is part
// of the result.

const MAX_HEADERS = 64;
const MAX_EPOCHS = 4;
const IN_TURN = 2n;
const OUT_OF_TURN = 1n;

/** An address that seals and the BLS key that votes, `0x` + hex; the key is all zero when it has none. */
export interface Validator {
  readonly address: string;
  readonly bls: string;
}

/** Validators sorted by address, and how many blocks in a row each may seal. */
export interface ValidatorSet {
  readonly validators: readonly Validator[];
  readonly turnLength: number;
}

/**
 * `validator_sets[]` of a trust file, read by `parsePin`: epoch block `number` with this hash announced the set, and so did
 * every epoch block to `lastNumber`. `set` is null where only the hash is pinned.
 */
export interface PinnedSet {
  readonly chainId: number;
  readonly genesis: string;
  readonly number: number;
  readonly hash: string;
  readonly lastNumber: number;
  readonly lastHash: string;
  readonly set: ValidatorSet | null;
  readonly source: string;
  readonly asOf: string;
}

/** `consensus_rules[]` of a trust file: a private chain that runs one fork from its first block on. */
export interface PrivateRules {
  readonly chainId: number;
  readonly genesis: string;
  readonly fork: string;
  readonly epochLength: number;
}

/** What a verifier trusts; the shipped sets are not in it unless `withShipped` put them there. */
export interface ConsensusTrust {
  readonly validatorSets: readonly PinnedSet[];
  readonly consensusRules: readonly PrivateRules[];
}

/** A block shown to be final by `votes` of `validators` of the set that `pin` holds, over the link to block `source`. */
export interface Finality {
  readonly number: number;
  readonly hash: string;
  readonly source: number;
  readonly votes: number;
  readonly validators: number;
  readonly fork: string;
  readonly pin: PinnedSet;
}

/** The check `chain.consensus` of one anchor: `expected` is its block's hash; `found` that hash, or the code of what is wrong. */
export interface ConsensusCheck {
  readonly status: Status;
  readonly found: string | null;
  readonly note: string;
  readonly final: Finality | null;
}

/** The anchor that the signatures are about. */
export interface ConsensusClaim {
  readonly chainId: number;
  readonly genesis: string;
  /** RLP of the anchor's block, `0x` + hex. */
  readonly header: string;
}

/**
 * The chain's own signatures: what is wrong fails, what is not known here is unchecked. Null where the anchor carries no
 * proof and its chain has no such signatures, so there is nothing to report.
 */
export function checkConsensus(claim: ConsensusClaim, proof: unknown, trust: ConsensusTrust): ConsensusCheck | null {
  const rules = rulesOf(claim.chainId, claim.genesis, trust.consensusRules);
  const unchecked = (found: string | null, note: string): ConsensusCheck => ({ status: 'unchecked', found, note, final: null });
  if (proof === null || proof === undefined) {
    return rules === null ? null : unchecked(null, 'the bundle does not carry the votes of validators for this block');
  }
  if (rules === null) {
    return unchecked('consensus.no_rules', `the rules of chain ${claim.chainId}, genesis ${claim.genesis}, are not known here`);
  }
  const others = [...PUBLIC.map((chain) => chain.chainId), ...trust.consensusRules.map((chain) => chain.chainId)];
  const verifier = new Verifier(rules, historyOf(trust.validatorSets, claim.chainId, claim.genesis), others);
  try {
    const final = verifier.check(bytesOf(claim.header), parseParliaProof(proof));
    return { status: 'pass', found: final.hash, note: `${signersOf(final)} made it final`, final };
  } catch (error) {
    if (!(error instanceof ChainError)) throw error;
    if (error.wrong) return { status: 'fail', found: error.code, note: error.message, final: null };
    return unchecked(error.code, error.hint === undefined ? error.message : `${error.message}; ${error.hint}`);
  }
}

/** Who made it final, in words: for notes and for the source of a header answer. */
export function signersOf(final: Finality): string {
  return `${final.votes} of ${final.validators} validators of epoch ${final.pin.number} (${final.pin.source}, as of ${final.pin.asOf})`;
}

interface ParliaProof {
  readonly headers: readonly string[];
  readonly epochs: readonly (readonly string[])[];
}

function parseParliaProof(value: unknown): ParliaProof {
  const kind = isObject(value) ? own(value, 'kind') : undefined;
  if (typeof kind === 'string' && kind !== 'parlia') {
    throw ChainError.unknown('unknown_kind', `a proof of kind '${kind.slice(0, 40)}', which this version does not know`);
  }
  if (!hasExactly(value, ['kind', 'headers', 'epochs']) || kind !== 'parlia') {
    throw malformed('value', 'does not have exactly kind, headers, epochs');
  }
  const { headers, epochs } = value;
  if (!isHeaders(headers)) throw malformed('headers', `is not a list of 1 to ${MAX_HEADERS} headers`);
  if (!Array.isArray(epochs) || epochs.length > MAX_EPOCHS || !epochs.every(isHeaders)) {
    throw malformed('epochs', `is not at most ${MAX_EPOCHS} lists of headers`);
  }
  return { headers, epochs };
}

function isHeaders(value: unknown): value is string[] {
  return (
    Array.isArray(value) &&
    value.length >= 1 &&
    value.length <= MAX_HEADERS &&
    value.every((header) => typeof header === 'string' && header.length <= 2 + 2 * MAX_HEADER_BYTES && RAW.test(header))
  );
}

function malformed(where: string, what: string): ChainError {
  return ChainError.wrong('malformed', `consensus proof: ${where}: ${what}`);
}

/** Checks headers of one chain against one history of validator sets, which epoch blocks in the proof add to. */
export class Verifier {
  private readonly rules: ChainRules;
  private history: SetHistory;
  /** Chain ids that a seal is tried for when it does not fit, to say what is wrong. */
  private readonly others: readonly number[];

  constructor(rules: ChainRules, history: SetHistory, others: readonly number[] = PUBLIC.map((chain) => chain.chainId)) {
    this.rules = rules;
    this.history = history;
    this.others = others;
  }

  check(block: Uint8Array, proof: ParliaProof): Finality {
    for (const epoch of proof.epochs) this.learn(epoch.map(bytesOf));
    return this.checkFinal([block, ...proof.headers.map(bytesOf)]);
  }

  /** That the first of these linked headers is final by the votes in the last. */
  checkFinal(raw: readonly Uint8Array[]): Finality {
    const headers = this.link(raw);
    const [first, last] = [headers[0]!, headers.at(-1)!];
    const votes = last.attestation;
    if (votes === null || first.number > votes.sourceNumber || votes.targetNumber > last.number) {
      throw ChainError.unknown('not_final', `no votes in the proof finalise block ${first.number}`);
    }
    if (votes.targetNumber !== votes.sourceNumber + 1) {
      throw ChainError.unknown('not_final', `the votes justify block ${votes.targetNumber}, which finalises no block before it`);
    }
    for (const header of headers) this.checkSeal(header);
    const source = headers[votes.sourceNumber - first.number]!;
    if (source.hash !== votes.sourceHash) {
      throw ChainError.wrong('source', `block ${last.number}: the votes' source is another block ${source.number}`);
    }
    const { pin, count, size } = this.checkVotes(last, votes, headers);
    return { number: first.number, hash: first.hash, source: source.number, votes: count, validators: size, fork: last.rules.fork, pin };
  }

  /** Takes in an epoch block: held against the reader's pin, or, right after the last one, as a handover. */
  learn(raw: readonly Uint8Array[]): void {
    const header = decodeParliaHeader(raw[0]!, this.rules);
    const { announced, number, hash } = header;
    if (announced === null) throw ChainError.wrong('not_epoch_block', `block ${number} is not an epoch block`);
    const pin = this.history.covering(number);
    if (pin !== null) {
      this.compare(header, announced, pin);
      return;
    }
    const before = this.history.covering(number - header.rules.epochLength);
    // Nothing of the reader's to hold it against: it adds nothing.
    if (before === null || before.set === null || raw.length < 2) return;
    this.checkFinal(raw);
    this.history = this.history.withPin({ ...before, number, hash, lastNumber: number, lastHash: hash, set: announced });
  }

  private compare(header: ParliaHeader, announced: ValidatorSet, pin: PinnedSet): void {
    const { number } = header;
    const known = number === pin.number ? pin.hash : number === pin.lastNumber ? pin.lastHash : null;
    if (known !== null && known !== header.hash) throw wrongSet(`epoch block ${number} is not the one that you pinned`);
    if (pin.set === null) {
      // A hash alone says nothing about the epochs after it.
      if (known !== null) this.history = this.history.filled(number, announced);
    } else if (!sameSet(pin.set, announced)) {
      throw wrongSet(`epoch block ${number} announces another set than the one that you pinned`);
    }
  }

  /** Decodes headers and checks that each follows the one before. */
  link(raw: readonly Uint8Array[]): ParliaHeader[] {
    const headers = raw.map((item) => decodeParliaHeader(item, this.rules));
    for (const [i, header] of headers.slice(1).entries()) {
      const before = headers[i]!;
      if (header.number !== before.number + 1 || header.parentHash !== before.hash) {
        throw ChainError.wrong('gap', `block ${header.number} does not follow block ${before.number} of the proof`);
      }
      if (header.time < before.time) throw ChainError.wrong('time', `block ${header.number} is older than its parent`);
    }
    return headers;
  }

  /** That a validator of the set in force sealed the header, at the right difficulty. */
  checkSeal(header: ParliaHeader): void {
    const { number, miner } = header;
    const { chainId } = this.rules;
    if (recoverSealer(header, chainId) !== miner) {
      const other = this.others.find((id) => id !== chainId && recoverSealer(header, id) === miner);
      if (other !== undefined) {
        throw ChainError.wrong('wrong_chain_id', `block ${number} was sealed for chain ${other}, not for chain ${chainId}`);
      }
      throw ChainError.wrong('seal', `block ${number}: the seal is not that of its miner ${miner}`);
    }
    const { set } = this.active(header);
    if (!holds(set, miner)) {
      if (this.otherSets(header, set).some((other) => holds(other, miner))) {
        throw wrongSet(`block ${number} was sealed by a validator of another epoch`);
      }
      throw ChainError.wrong('not_validator', `block ${number}: ${miner} is not one of the ${set.validators.length} validators`);
    }
    const expected = inTurn(set, number) === miner ? IN_TURN : OUT_OF_TURN;
    if (header.difficulty !== expected) {
      throw ChainError.wrong('difficulty', `block ${number}: difficulty ${header.difficulty}, and by its turn it is ${expected}`);
    }
  }

  /** That the votes in a header are a quorum for one of the blocks right before it, which are among `headers`. */
  checkVotes(header: ParliaHeader, votes: Attestation, headers: readonly ParliaHeader[]): { pin: PinnedSet; count: number; size: number } {
    const { number } = header;
    const target = headers.find((other) => other.number === votes.targetNumber);
    const back = number - votes.targetNumber;
    if (target === undefined || back < 1 || back > header.rules.targetDepth) {
      throw ChainError.wrong('target', `block ${number}: the votes are for block ${votes.targetNumber}, which its fork does not allow`);
    }
    if (target.hash !== votes.targetHash) {
      throw ChainError.wrong('target', `block ${number}: the votes are for another block ${target.number}`);
    }
    const { pin, set } = this.active(target);
    try {
      return { pin, count: countVotes(votes, set), size: set.validators.length };
    } catch (error) {
      if (error instanceof ChainError && this.otherSets(target, set).some((other) => fits(votes, other))) {
        throw wrongSet(`block ${number}: the votes are those of another epoch's validators`);
      }
      throw error;
    }
  }

  /** The pin and set in force at a block. */
  private active(header: ParliaHeader): { pin: PinnedSet; set: ValidatorSet } {
    const pin = this.history.active(header.number, header.rules.epochLength);
    if (pin === null || pin.set === null) {
      throw ChainError.unknown(
        'no_validator_set',
        `your trust file does not say which validators were in force at block ${header.number} of chain ${this.rules.chainId}`,
        'archive trust update --rpc URL follows newer sets from the ones you have',
      );
    }
    return { pin, set: pin.set };
  }

  private otherSets(header: ParliaHeader, active: ValidatorSet): ValidatorSet[] {
    return this.history.around(header.number, header.rules.epochLength).filter((set) => !sameSet(set, active));
  }
}

/** Validators whose bits are set; a bit beyond the set is not among them. */
function markedIn(votes: Attestation, set: ValidatorSet): Validator[] {
  return set.validators.filter((_, place) => ((votes.bits >> BigInt(place)) & 1n) === 1n);
}

function isBeyond(votes: Attestation, set: ValidatorSet): boolean {
  return votes.bits >> BigInt(set.validators.length) !== 0n;
}

function isSignedBy(signature: AggregateSignature, validators: readonly Validator[]): boolean {
  return signature.isOf(validators.map((validator) => bytesOf(validator.bls)));
}

/** How many validators of the set voted; throws ChainError when they are no quorum or did not sign. */
function countVotes(votes: Attestation, set: ValidatorSet): number {
  const signers = markedIn(votes, set);
  const size = set.validators.length;
  if (isBeyond(votes, set)) throw ChainError.wrong('bit_out_of_range', `a vote is marked beyond the ${size} validators`);
  const mute = signers.find((validator) => validator.bls === ZERO_KEY);
  if (mute !== undefined) throw ChainError.wrong('zero_key', `a vote is marked for ${mute.address}, which has no voting key`);
  if (signers.length < quorumOf(set)) {
    throw ChainError.wrong('quorum', `${signers.length} of ${size} validators voted, and ${quorumOf(set)} are needed`);
  }
  const signature = new AggregateSignature(votes.message, votes.signature);
  if (!isSignedBy(signature, signers)) {
    const absent = set.validators.filter((validator) => !signers.includes(validator) && validator.bls !== ZERO_KEY);
    if (absent.some((validator) => isSignedBy(signature, [...signers, validator]))) {
      throw ChainError.wrong('dropped_signer', "the votes' signature holds one more validator than is marked");
    }
    throw ChainError.wrong('vote_signature', "the votes' signature is not that of the validators marked");
  }
  return signers.length;
}

/** Whether the votes are right for another epoch's set. */
function fits(votes: Attestation, other: ValidatorSet): boolean {
  const signers = markedIn(votes, other);
  const able = !isBeyond(votes, other) && signers.every((validator) => validator.bls !== ZERO_KEY) && signers.length >= quorumOf(other);
  return able && isSignedBy(new AggregateSignature(votes.message, votes.signature), signers);
}

function wrongSet(message: string): ChainError {
  return ChainError.wrong('wrong_epoch_set', message);
}
