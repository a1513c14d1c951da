import assert from 'node:assert/strict';
import { test } from 'node:test';
import { to0x } from '../../src/bytes.ts';
import { keccak } from '../../src/chain/codec.ts';
import { Verifier, type PinnedSet, type ValidatorSet } from '../../src/chain/consensus.ts';
import { ChainError } from '../../src/chain/consensus-error.ts';
import { decodeParliaHeader, recoverSealer } from '../../src/chain/parlia.ts';
import { PUBLIC, rulesOf, type ChainRules } from '../../src/chain/rules.ts';
import { quorumOf, sameSet, SetHistory } from '../../src/chain/sets.ts';
import { realHeaders, type RealHeaders } from './headers.ts';

// Every real header of the vectors verifies, and where its notes say that it must not, it does not.

const [BSC, TESTNET] = [56, 97].map((id) => PUBLIC.find((chain) => chain.chainId === id)!) as [ChainRules, ChainRules];
const GENESIS = '0x' + '00'.repeat(32);
const LOCALNET = rulesOf(9999, GENESIS, [{ chainId: 9999, genesis: GENESIS, fork: 'lorentz', epochLength: 500 }])!;

function real(name: string, file: string, run: (headers: RealHeaders) => void): void {
  const headers = realHeaders(file);
  const skip = typeof headers === 'string' ? headers : false;
  test(name, { skip }, () => run(headers as RealHeaders));
}

function pin(set: ValidatorSet, number: number, lastNumber: number): PinnedSet {
  return { chainId: 0, genesis: GENESIS, number, hash: GENESIS, lastNumber, lastHash: GENESIS, set, source: 'vectors', asOf: '' };
}

function announced(raw: Uint8Array, rules: ChainRules): ValidatorSet {
  const { announced } = decodeParliaHeader(raw, rules);
  assert.ok(announced);
  return announced;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

function code(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof ChainError, String(error));
    return error.code;
  }
  return 'none';
}

/** Links, seals and votes of all headers; by number how many voted, where the target is among them. */
function checkAll(verifier: Verifier, headers: Map<number, Uint8Array>): Map<number, number> {
  const votes = new Map<number, number>();
  const runs: number[][] = [];
  for (const number of [...headers.keys()].sort((a, b) => a - b)) {
    if (runs.at(-1)?.at(-1) === number - 1) runs.at(-1)!.push(number);
    else runs.push([number]);
  }
  for (const run of runs) {
    const linked = verifier.link(run.map((number) => headers.get(number)!));
    for (const header of linked) {
      verifier.checkSeal(header);
      const { attestation } = header;
      if (attestation !== null && attestation.targetNumber >= run[0]!) {
        votes.set(header.number, verifier.checkVotes(header, attestation, linked).count);
      }
    }
  }
  return votes;
}

real('mainnet before London, over a change of validators', 'bsc_mainnet_31297199_31297221_preLondon.json', ({ value, byNumber }) => {
  const hashes = value['headers'].map((header: { hash: string }) => header.hash);
  assert.deepEqual([...byNumber.values()].map((raw) => to0x(keccak(raw))), hashes);
  const old: ValidatorSet = {
    validators: value['validators_epoch_31297000'].map((v: { address: string; voteAddress: string }) => ({ address: v.address, bls: v.voteAddress })),
    turnLength: 1,
  };
  const fresh = announced(byNumber.get(31297200)!, BSC);
  const pins = [pin(old, 31296800, 31297000), pin(fresh, 31297200, 31297200)];
  const votes = checkAll(new Verifier(BSC, new SetHistory(pins)), byNumber);
  assert.deepEqual([...votes.keys()], range(31297200, 31297222));
  assert.deepEqual(new Set(votes.values()), new Set([17, 18]));
  assert.equal(quorumOf(fresh), 14);
  // 31297210 is the last target that the old validators voted for; one block earlier or later the same headers are refused.
  for (const wrong of [-1, 1]) {
    class Shifted extends SetHistory {
      override active(number: number, epochLength: number): PinnedSet | null {
        return super.active(number - wrong, epochLength);
      }
    }
    const found = code(() => checkAll(new Verifier(BSC, new Shifted(pins)), byNumber));
    assert.ok(['consensus.wrong_epoch_set', 'consensus.difficulty'].includes(found), found);
  }
});

real('testnet, Bohr', 'bsc_testnet_bohr_45214600.json', ({ value, byNumber }) => {
  for (const { number, hash } of value['headers']) assert.equal(to0x(keccak(byNumber.get(number)!)), hash);
  const set = announced(byNumber.get(45214600)!, TESTNET);
  assert.deepEqual([set.validators.length, set.turnLength], [8, 4]);
  const verifier = new Verifier(TESTNET, new SetHistory([pin(set, 45214200, 45214600)]));
  assert.deepEqual(Object.fromEntries(checkAll(verifier, byNumber)), { 45214601: 7, 45214603: 7, 45214604: 7, 45214605: 7 });
  const take = (to: number) => range(45214600, to).map((number) => byNumber.get(number)!);
  assert.equal(code(() => verifier.checkFinal(take(45214604))), 'consensus.not_final');
  const { number, source, votes, validators } = verifier.checkFinal(take(45214605));
  assert.deepEqual([number, source, votes, validators], [45214600, 45214602, 7, 8]);
});

real('a development network, Lorentz', 'parlia_localnet_9999_lorentz.json', ({ byNumber }) => {
  const [first, second, third] = [500, 1000, 1500].map((number) => announced(byNumber.get(number)!, LOCALNET)) as [ValidatorSet, ValidatorSet, ValidatorSet];
  const history = new SetHistory([pin(first, 0, 500), pin(second, 1000, 1000), pin(third, 1500, 1500)]);
  const votes = checkAll(new Verifier(LOCALNET, history), byNumber);
  assert.deepEqual([votes.size, new Set(votes.values())], [14, new Set([4])]);
  // A handover takes (4//2 + 1) · turn − 1 blocks of the turn length before.
  assert.deepEqual([1002, 1003, 1517, 1518].map((number) => history.active(number, 500)?.number), [0, 1000, 1000, 1500]);
});

real('testnet, Fermi, and a header whose seal is not its miner’s', 'union_bsc_testnet_2026_fermi.json', ({ value, byNumber }) => {
  for (const { number, hash } of value['headers']) assert.equal(to0x(keccak(byNumber.get(number)!)), hash);
  const set = announced(byNumber.get(86242000)!, TESTNET);
  for (const [number, raw] of byNumber) if (number % 1000 === 0) assert.ok(sameSet(announced(raw, TESTNET), set));
  const verifier = new Verifier(TESTNET, new SetHistory([pin(set, 85574000, 86269000)]));
  const bad = byNumber.get(86269002)!;
  byNumber.delete(86269002);
  assert.deepEqual(Object.fromEntries(checkAll(verifier, byNumber)), { 85576001: 8, 85576003: 9, 86242001: 8, 86242002: 6, 86269001: 9 });
  assert.equal(verifier.checkFinal([86242000, 86242001, 86242002].map((number) => byNumber.get(number)!)).votes, 6);
  assert.equal(code(() => verifier.checkFinal([byNumber.get(86269000)!, byNumber.get(86269001)!, bad])), 'consensus.seal');
});

const FULL_BLOCKS: [number[], ChainRules, string][] = [
  [range(50932086, 50932092), BSC, 'lorentz'],
  [range(51006000, 51006003), BSC, 'lorentz'],
  [range(51006562, 51006565), BSC, 'lorentz'],
  [range(53893000, 53893003), TESTNET, 'maxwell'],
  [range(53895150, 53895153), TESTNET, 'maxwell'],
  [range(55474112, 55474116), TESTNET, 'maxwell'],
  [range(55475000, 55475003), TESTNET, 'maxwell'],
  [range(55475596, 55475599), TESTNET, 'maxwell'],
  [range(55891041, 55891046), BSC, 'maxwell'],
  [range(66277000, 66277004), BSC, 'maxwell'],
];

real('full blocks around Maxwell', 'union_bsc_testnet_maxwell_blocks_rpc_json.json', ({ value, byNumber }) => {
  const hashes = new Map(value['blocks'].map((block: { number: string; hash?: string }) => [Number(block.number), block.hash]));
  let seen = 0;
  for (const [numbers, rules, fork] of FULL_BLOCKS) {
    for (const header of new Verifier(rules, new SetHistory([])).link(numbers.map((number) => byNumber.get(number)!))) {
      assert.equal(header.hash, hashes.get(header.number) ?? header.hash);
      assert.equal(header.rules.fork, fork);
      assert.equal(recoverSealer(header, rules.chainId), header.miner);
      seen += 1;
    }
  }
  assert.equal(seen, byNumber.size);
  // 51006562 is before the next handover, so the set of 51006000 is the one in force.
  const verifier = new Verifier(BSC, new SetHistory([pin(announced(byNumber.get(51006000)!, BSC), 51006000, 51006000)]));
  const near = new Map(range(51006562, 51006565).map((number) => [number, byNumber.get(number)!]));
  assert.deepEqual(Object.fromEntries(checkAll(verifier, near)), { 51006563: 20, 51006564: 20 });
});
