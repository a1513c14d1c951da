import shipped from './shipped.json';
import type { PinnedSet, PrivateRules, Validator, ValidatorSet } from './consensus.ts';
import { ADDRESS, hasExactly, HASH, isInteger, isPrintable, matches } from './codec.ts';
import { FORKS, PUBLIC } from './rules.ts';
import { SetHistory } from './sets.ts';
import { Malformed } from './steps.ts';

export const MAX_VALIDATORS = 64;
const BLS_KEY = /^0x[0-9a-f]{96}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const PIN_KEYS = ['as_of', 'chain_id', 'genesis', 'hash', 'last_hash', 'last_number', 'number', 'source', 'turn_length', 'validators'];

/** Reads one of `validator_sets` strictly; throws Malformed with the reason (a trust file's code is `trust.validator_set`). */
export function parsePin(value: unknown): PinnedSet {
  if (!hasExactly(value, PIN_KEYS)) throw new Malformed(`does not have exactly ${PIN_KEYS.join(', ')}`);
  const [chainId, number, lastNumber] = ['chain_id', 'number', 'last_number'].map((key) => {
    if (!isInteger(value[key])) throw new Malformed(`${key} is not a whole number`);
    return value[key];
  }) as [number, number, number];
  const [genesis, hash, lastHash] = ['genesis', 'hash', 'last_hash'].map((key) => {
    if (!matches(value[key], HASH)) throw new Malformed(`${key} is not 0x and 64 lower-case hex digits`);
    return value[key];
  }) as [string, string, string];
  const { source, as_of: asOf, validators, turn_length: turnLength } = value;
  need(number <= lastNumber, 'last_number is before number');
  need(number < lastNumber || hash === lastHash, 'one block has two hashes');
  need(typeof source === 'string' && source !== '' && [...source].length <= 200, 'source is not a short text');
  need(isPrintable(source), 'source holds control characters');
  need(matches(asOf, TIME), 'as_of is not a time like 2026-01-31T12:00:00Z');
  need((validators === null) === (turnLength === null), 'validators and turn_length go together');
  const set = validators === null ? null : parseSet(validators, turnLength);
  return { chainId, genesis, number, hash, lastNumber, lastHash, set, source, asOf };
}

function parseSet(members: unknown, turnLength: unknown): ValidatorSet {
  need(Array.isArray(members) && members.length >= 1 && members.length <= MAX_VALIDATORS, 'validators is not a list of 1 to 64');
  need(isInteger(turnLength, 1, 255), 'turn_length is not 1 to 255');
  const validators = members.map((member: unknown): Validator => {
    need(hasExactly(member, ['address', 'bls']), 'a validator is not {address, bls}');
    const { address, bls } = member;
    need(matches(address, ADDRESS), "a validator's address is not 0x and 40 hex digits");
    need(matches(bls, BLS_KEY), "a validator's bls key is not 0x and 96 hex digits");
    return { address, bls };
  });
  const ascending = validators.every((validator, i) => i === 0 || validators[i - 1]!.address < validator.address);
  need(ascending, 'validators are not sorted by address');
  return { validators, turnLength };
}

/** Reads one of `consensus_rules` strictly; throws Malformed with the reason (`trust.consensus_rules`). */
export function parseRules(value: unknown): PrivateRules {
  need(hasExactly(value, ['chain_id', 'genesis', 'fork', 'epoch_length']), 'does not have exactly chain_id, epoch_length, fork, genesis');
  const { chain_id: chainId, genesis, fork, epoch_length: epochLength } = value;
  need(
    isInteger(chainId) && PUBLIC.every((chain) => chain.chainId !== chainId),
    'chain_id is not that of a private chain: the rules of 56 and 97 are built in',
  );
  need(matches(genesis, HASH), 'genesis is not 0x and 64 lower-case hex digits');
  need(typeof fork === 'string' && FORKS.has(fork), `fork is not one of ${[...FORKS.keys()].join(', ')}`);
  need(isInteger(epochLength, 2, 100_000), 'epoch_length is not 2 to 100000');
  return { chainId, genesis, fork, epochLength };
}

/** The validator sets that ship with the verifier: a starting point, and they say how old they are. */
export const SHIPPED_SETS: readonly PinnedSet[] = shipped.validator_sets.map(parsePin);

/** The pins of one chain. */
export function historyOf(pins: readonly PinnedSet[], chainId: number, genesis: string): SetHistory {
  return new SetHistory(pins.filter((pin) => pin.chainId === chainId && pin.genesis === genesis));
}

/** The reader's pins, and the shipped ones of epochs that the reader's say nothing about. */
export function withShipped(pins: readonly PinnedSet[]): readonly PinnedSet[] {
  return [...pins, ...SHIPPED_SETS.filter((pin) => historyOf(pins, pin.chainId, pin.genesis).covering(pin.number) === null)];
}

/** A chain that this verifier has a name for. `genesis` is null where it differs on every start. */
export interface KnownChain {
  readonly name: string;
  readonly chainId: number;
  readonly genesis: string | null;
  /** Blocks on top of the anchor's before it counts as final, or the node's own word. */
  readonly confirmations: number | 'finalized';
  /** How many nodes must agree; null where nothing is set. */
  readonly quorum: number | null;
  /** Nodes to suggest; none is asked unless the user says so. */
  readonly rpcUrls: readonly string[];
}

export const KNOWN_CHAINS: readonly KnownChain[] = shipped.networks.map((network) => ({
  name: network.name,
  chainId: network.chain_id,
  genesis: network.genesis,
  confirmations: network.confirmations === 'finalized' ? 'finalized' : Number(network.confirmations),
  quorum: network.quorum,
  rpcUrls: network.rpc_urls,
}));

function need(ok: boolean, what: string): asserts ok {
  if (!ok) throw new Malformed(what);
}
