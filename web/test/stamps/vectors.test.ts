import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex } from '../../src/bytes.ts';
import { checkStamps, REGTEST } from '../../src/stamps/index.ts';
import { vectors } from '../vectors.ts';
import { pemToDer } from './support.ts';

interface Case {
  name: string;
  root: string;
  stamp: unknown;
  roots: string[];
  bitcoin: { height: number; header: string }[];
  status: string;
  code: string | null;
}

/** `tests/vectors/stamps.json`: each stamp has the status and the code that it is written down with, as in Python. */
for (const known of vectors<{ cases: Case[] }>('stamps.json').cases) {
  test(known.name, () => {
    const { checks } = checkStamps({
      stamps: [known.stamp],
      notBefore: [],
      root: known.root,
      roots: known.roots.map((pem, n) => ({ name: `root ${n}`, certificate: pemToDer(pem), policies: [] })),
      bitcoin: known.bitcoin.map(({ height, header }) => ({ height, source: 'the vector', kind: 'file', header: fromHex(header)! })),
      network: { ...REGTEST, provesTime: true },
    });
    const told = checks.filter((c) => c.code.startsWith('stamp.'));
    const whole = told.filter((c) => c.code.split('.').length === 2);
    assert.deepEqual(whole.map((c) => c.status), [known.status]);
    const wrong = told.filter((c) => c.status === known.status);
    if (known.code !== null) assert.equal(wrong[0]?.code, known.code, JSON.stringify(checks, null, 1));
  });
}
