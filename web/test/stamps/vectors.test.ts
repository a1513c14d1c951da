import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex } from '../../src/bytes.ts';
import { checkStamps, MAINNET, REGTEST, type BitcoinAnswer, type BitcoinNetwork, type BlockAnswer, type NotBefore, type StampsResult } from '../../src/stamps/index.ts';
import { vectors } from '../vectors.ts';
import { pemToDer } from './support.ts';

// `tests/vectors/stamps.json`: each stamp, and each block, has the status, code and clock that it is written down with, as in Python.

export interface Known {
  height: number;
  source: string;
  kind: BitcoinAnswer['kind'];
  header: string;
}

interface Case {
  name: string;
  root: string;
  stamp: unknown;
  roots: string[];
  policies: string[];
  bitcoin: Known[];
  network: string;
  status: string;
  code: string | null;
  clock: [number, number] | null;
}

interface Block {
  name: string;
  not_before: NotBefore;
  stamps: unknown[];
  bitcoin: Known[];
  answers: BlockAnswer[];
  quorum: number | null;
  network: string;
  status: string;
  clock: [number, number] | null;
}

const { cases, blocks } = vectors<{ cases: Case[]; blocks: Block[] }>('stamps.json');
const headers = (known: Known[]): BitcoinAnswer[] => known.map((k) => ({ ...k, header: fromHex(k.header)! }));
const network = (name: string): BitcoinNetwork => (name === 'main' ? MAINNET : { ...REGTEST, provesTime: true });
const clockOf = ({ clocks }: StampsResult): [number, number] | null => (clocks[0] === undefined ? null : [clocks[0].time, clocks[0].margin]);

for (const known of cases) {
  test(known.name, () => {
    const result = checkStamps({
      stamps: [known.stamp],
      notBefore: [],
      root: known.root,
      roots: known.roots.map((pem, n) => ({ name: `root ${n}`, certificate: pemToDer(pem), policies: known.policies })),
      bitcoin: headers(known.bitcoin),
      network: network(known.network),
    });
    const told = result.checks.filter((c) => c.code.startsWith('stamp.'));
    const whole = told.filter((c) => c.code.split('.').length === 2);
    assert.deepEqual(whole.map((c) => c.status), [known.status], JSON.stringify(told, null, 1));
    const wrong = told.filter((c) => c.status === known.status);
    if (known.code !== null) assert.equal(wrong[0]?.code, known.code, JSON.stringify(told, null, 1));
    if (known.clock !== null) assert.deepEqual(clockOf(result), known.clock);
    assert.equal(clockOf(result) === null, known.status !== 'pass');
  });
}

for (const known of blocks) {
  test(known.name, () => {
    const result = checkStamps({
      stamps: known.stamps,
      notBefore: [known.not_before],
      root: null,
      roots: [],
      bitcoin: headers(known.bitcoin),
      blocks: known.answers,
      network: network(known.network),
      quorum: known.quorum,
    });
    assert.deepEqual(result.checks.map((c) => [c.code, c.status]), [['time.not_before', known.status]], JSON.stringify(result.checks, null, 1));
    assert.deepEqual(clockOf(result), known.clock);
  });
}
