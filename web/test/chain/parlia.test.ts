import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatBytes } from '../../src/chain/codec.ts';
import { ChainError } from '../../src/chain/consensus-error.ts';
import { decodeParliaHeader, recoverSealer } from '../../src/chain/parlia.ts';
import { decodeRlp, encodeInt, encodeList, encodeString, items } from '../../src/chain/rlp.ts';
import { FORKS, PUBLIC, rulesOf, type ChainRules } from '../../src/chain/rules.ts';
import { vectors } from '../vectors.ts';
import { hex } from './headers.ts';

// Headers read strictly, each of their fields, and the table of forks.

const [BSC, TESTNET] = [56, 97].map((id) => PUBLIC.find((chain) => chain.chainId === id)!) as [ChainRules, ChainRules];
const sample = vectors<{ cases: any[] }>('consensus.json').cases[0];
const { chain_id: CHAIN_ID, genesis: GENESIS } = sample.rules;
const RULES = rulesOf(CHAIN_ID, GENESIS, [{ chainId: CHAIN_ID, genesis: GENESIS, fork: 'fermi', epochLength: 10 }])!;
const FIELDS: Uint8Array[] = [...items(decodeRlp(hex(sample.block)))].map((field) => field.payload);
const [TIME, NUMBER, EXTRA] = [11, 8, 12];
const zeros = (size: number, fill = 0) => new Uint8Array(size).fill(fill);
const int = (value: number | bigint) => decodeRlp(encodeInt(value)).payload;

function made(changed: Record<number, Uint8Array> = {}, more: Uint8Array[] = []): Uint8Array {
  return encodeList([...FIELDS.map((field, place) => changed[place] ?? field), ...more].map(encodeString));
}

/** With what stands between vanity and seal. */
function withExtra(number: number, middle: Uint8Array, changed: Record<number, Uint8Array> = {}): Uint8Array {
  return made({ ...changed, [NUMBER]: int(number), [EXTRA]: concatBytes(zeros(32), middle, zeros(65)) });
}

function code(raw: Uint8Array, chain: ChainRules = RULES): string {
  try {
    return decodeParliaHeader(raw, chain).rules.fork;
  } catch (error) {
    assert.ok(error instanceof ChainError, String(error));
    return error.code.replace('consensus.', '');
  }
}

test('values that no header of the fork has', () => {
  assert.equal(code(made()), 'fermi');
  for (const [place, value, expected] of [
    [0, zeros(31), 'header_value'], [1, zeros(32), 'header_value'], [2, zeros(19), 'header_value'], [6, zeros(255), 'header_value'], [14, zeros(9), 'header_value'],
    [13, concatBytes(zeros(30), new Uint8Array([3, 0xe8])), 'header_value'], [15, int(1), 'header_value'], [16, zeros(32), 'header_value'],
    [19, zeros(32, 1), 'header_value'], [20, zeros(31), 'header_value'], [9, int(2n ** 63n), 'header_value'], [10, int(2n ** 62n), 'header_value'],
    [NUMBER, int(2n ** 53n), 'header_value'], [TIME, int(2n ** 40n), 'header_value'], [10, new Uint8Array([0, 1]), 'header_shape'], [7, zeros(33, 1), 'header_shape'],
    [17, new Uint8Array([0]), 'header_shape'], [EXTRA, zeros(96), 'extra_data'],
  ] as const) {
    assert.equal(code(made({ [place]: value })), expected, `field ${place}`);
  }
});

test('what is no header at all', () => {
  const twentyOne = (item: Uint8Array) => encodeList(Array.from({ length: 21 }, () => item));
  for (const raw of [zeros(0), encodeList([]), encodeString(zeros(0)), concatBytes(made(), zeros(1)), twentyOne(encodeList([])), twentyOne(encodeString(zeros(33, 1))), zeros(16 * 1024 + 1)]) {
    assert.equal(code(raw), 'header_shape');
  }
  assert.equal(code(encodeList(FIELDS.slice(0, 20).map(encodeString))), 'header_fields');
  assert.equal(code(made({}, [zeros(32)])), 'header_fields');
});

test('validators of an epoch block', () => {
  const one = (fill: number) => concatBytes(zeros(20, fill), zeros(48, fill));
  const list = (...fills: number[]) => concatBytes(new Uint8Array([fills.length]), ...fills.map(one));
  const turn = new Uint8Array([8]);
  const { announced } = decodeParliaHeader(withExtra(20, concatBytes(list(1, 2, 3), turn)), RULES);
  assert.deepEqual([announced?.validators.map(({ address }) => address.slice(0, 4)), announced?.turnLength], [['0x01', '0x02', '0x03'], 8]);
  for (const middle of [
    zeros(0), concatBytes(new Uint8Array([0]), one(1), turn), list(1, 2), concatBytes(list(2, 1), turn), concatBytes(list(1, 1), turn), concatBytes(list(1), zeros(1)),
    concatBytes(list(...Array.from({ length: 65 }, (_, i) => i + 1)), turn), concatBytes(new Uint8Array([2]), one(1), turn),
  ]) {
    assert.equal(code(withExtra(20, middle)), 'extra_data');
  }
  // On a block that is no epoch block, validators are no attestation.
  assert.equal(code(withExtra(11, concatBytes(list(1, 2, 3), turn))), 'attestation_shape');
});

test('attestations that are none', () => {
  type Tree = Uint8Array | Tree[];
  const encode = (tree: Tree): Uint8Array => (tree instanceof Uint8Array ? encodeString(tree) : encodeList(tree.map(encode)));
  const link: Tree[] = [int(1), zeros(32), int(2), zeros(32)];
  const good: Tree[] = [int(15), zeros(96), link, zeros(0)];
  assert.equal(decodeParliaHeader(withExtra(11, encode(good)), RULES).attestation?.targetNumber, 2);
  for (const wrong of [
    good.slice(0, 3), [...good, zeros(0)], [good[0]!, zeros(95), link, zeros(0)], [zeros(1), zeros(96), link, zeros(0)], [zeros(9, 1), zeros(96), link, zeros(0)],
    [good[0]!, good[1]!, link.slice(0, 3), zeros(0)], [good[0]!, good[1]!, [int(2), zeros(32), int(2), zeros(32)], zeros(0)],
    [good[0]!, good[1]!, [int(1), zeros(31), int(2), zeros(32)], zeros(0)], [good[0]!, good[1]!, [int(1), [], int(2), zeros(32)], zeros(0)],
    [good[0]!, good[1]!, link, zeros(257)], [good[0]!, good[1]!, link, []], [[], good[1]!, link, zeros(0)], zeros(2, 1),
  ] as Tree[]) {
    assert.equal(code(withExtra(11, encode(wrong))), 'attestation_shape');
  }
  assert.equal(code(withExtra(11, concatBytes(encode(good), zeros(1)))), 'attestation_shape');
});

test('each of the 21 fields is sealed', () => {
  const whole = decodeParliaHeader(made(), RULES);
  assert.equal(recoverSealer(whole, CHAIN_ID), whole.miner);
  assert.notEqual(recoverSealer(whole, CHAIN_ID + 1), whole.miner);
  for (const [place, field] of FIELDS.entries()) {
    const raw = made({ [place]: field.length === 0 ? int(1) : field.map((byte, i) => (i === field.length - 1 ? byte ^ 1 : byte)) });
    let sealed: boolean;
    try {
      const header = decodeParliaHeader(raw, RULES);
      sealed = recoverSealer(header, CHAIN_ID) === header.miner;
    } catch (error) {
      assert.ok(error instanceof ChainError);
      sealed = false;
    }
    assert.ok(!sealed, `field ${place}`);
  }
});

// --- forks ----------------------------------------------------------------------------------------------------------

test('the shipped chains are those of the rules written here', () => {
  assert.deepEqual(PUBLIC.map((chain) => chain.chainId), [56, 97]);
  assert.deepEqual([...FORKS.values()].map(({ epochLength }) => epochLength), [200, 200, 200, 200, 200, 500, 1000, 1000, 1000]);
  assert.deepEqual([...FORKS.values()].map(({ fields }) => fields), [15, 16, 19, 20, 21, 21, 21, 21, 21]);
});

test('rules by number and time, as docs/consensus.md has them', () => {
  const day = (text: string) => Date.parse(text) / 1000;
  const at = (chain: ChainRules, number: number, time: number): string => {
    try {
      return chain.at(number, time).fork;
    } catch (error) {
      assert.ok(error instanceof ChainError && !error.wrong);
      return error.code.replace('consensus.', '');
    }
  };
  for (const [number, time, expected] of [
    [29_861_023, 1_680_000_000, 'before_finality'], [29_861_024, 1_680_000_000, 'plato'], [31_103_030, 1_680_000_000, 'london'],
    [45_214_600, 1_730_364_527, 'bohr'], [49_000_000, 1_744_097_579, 'prague'], [49_000_000, 1_744_097_580, 'epoch_switch'],
    [49_000_000, 1_744_097_580 + 3600, 'lorentz'], [53_000_000, 1_748_243_100, 'epoch_switch'], [53_000_000, 1_748_243_100 + 3600, 'maxwell'],
    [80_000_000, 1_762_741_500, 'fermi'], [99_000_000, 1_774_319_400, 'osaka'],
  ] as const) {
    assert.equal(at(TESTNET, number, time), expected, `${number} ${time}`);
  }
  for (const [chain, plato, london, dates] of [
    [TESTNET, 29_861_024, 31_103_030, ['2024-04-17', '2024-08-20', '2025-02-25', '2025-04-08', '2025-05-26', '2025-11-10', '2026-03-24']],
    [BSC, 30_720_096, 31_302_048, ['2024-06-20', '2024-09-26', '2025-03-20', '2025-04-29', '2025-06-30', '2026-01-14', '2026-04-28']],
  ] as const) {
    assert.equal(at(chain, plato - 1, 0), 'before_finality');
    assert.equal(at(chain, plato, 0), 'plato');
    assert.equal(at(chain, london, 0), 'london');
    for (const [i, date] of dates.entries()) {
      const fork = ['cancun', 'bohr', 'prague', 'lorentz', 'maxwell', 'fermi', 'osaka'][i]!;
      assert.notEqual(at(chain, 90_000_000, day(date) - 1), fork, `${fork} begins before ${date}`);
      assert.equal(at(chain, 90_000_000, day(date) + 86_400 + 3600), fork, `${fork} begins after ${date}`);
    }
  }
});

test('what is newer than the known forks is unknown, not wrong', () => {
  const newest = (tail: string, time: number, more: Uint8Array[] = []) =>
    made({ [NUMBER]: int(120_000_001), [TIME]: int(time), [EXTRA]: concatBytes(zeros(28), hex(tail), zeros(65)) }, more);
  const [later, earlier] = [1_790_000_000, 1_768_900_000];
  assert.equal(TESTNET.forkId, 'f0bf43da');
  assert.equal(code(newest('f0bf43da', later), TESTNET), 'osaka');
  // Some validators announce nothing.
  assert.equal(code(newest('00000000', later), TESTNET), 'osaka');
  assert.equal(code(newest('0badf00d', later), TESTNET), 'unknown_fork');
  assert.equal(code(newest('f0bf43da', later, [zeros(32)]), TESTNET), 'unknown_fork');
  // Before the last fork its announcement says nothing, and a field too many is wrong.
  assert.equal(code(newest('0badf00d', earlier), TESTNET), 'fermi');
  assert.equal(code(newest('00000000', earlier, [zeros(32)]), TESTNET), 'header_fields');
});

test('the fork id is that of genesis and all forks (EIP-2124)', () => {
  // bnb-chain/bsc v1.7.3, params/config.go: blocks, then times.
  const forks: Record<number, string> = {
    97:
      '1010000 1014369 5582500 13837000 19203503 22800220 23482428 23603940 28196022 29295050 29861024 31103030 35682300 1702972800 1710136800 ' +
      '1711342800 1713330442 1716962820 1719986788 1724116996 1740452880 1744097580 1748243100 1762741500 1774319400',
    56:
      '5184000 13082000 18907621 21962149 22107423 23846001 27281024 29020050 30720096 31302048 34140700 1705996800 1713419340 1718863500 1727316120 ' +
      '1727317200 1742436600 1745903100 1751250600 1768357800 1777343400',
  };
  for (const chain of PUBLIC) {
    const numbers = forks[chain.chainId]!.split(' ').map((text) => hex(BigInt(text).toString(16).padStart(16, '0')));
    assert.equal(crc32(concatBytes(hex(chain.genesis), ...numbers)).toString(16).padStart(8, '0'), chain.forkId);
  }
});

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

