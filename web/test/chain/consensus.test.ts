import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkConsensus } from '../../src/chain/consensus.ts';
import { parsePin, parseRules } from '../../src/chain/pins.ts';
import { vectors } from '../vectors.ts';

interface Case {
  name: string;
  rules: { chain_id: number; genesis: string };
  pins: unknown[];
  block: string;
  consensus: unknown;
  expected: { status: string; code: string | null; votes: number | null };
}

for (const { name, rules, pins, block, consensus, expected } of vectors<{ cases: Case[] }>('consensus.json').cases) {
  test(`consensus.json: ${name}`, () => {
    const trust = { validatorSets: pins.map(parsePin), consensusRules: [parseRules(rules)] };
    const found = checkConsensus({ chainId: rules.chain_id, genesis: rules.genesis, header: block }, consensus, trust);
    const code = found?.status === 'pass' ? null : found?.found;
    assert.deepEqual({ status: found?.status, code, votes: found?.final?.votes ?? null }, expected);
  });
}
