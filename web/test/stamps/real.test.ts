import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, fromHex, utf8ToBytes } from '../../src/bytes.ts';
import { ArchiveError } from '../../src/errors.ts';
import { judgeBlock, MAINNET, parseHeader, shown } from '../../src/stamps/bitcoin.ts';
import { children, encode, readAll, SEQUENCE } from '../../src/stamps/der.ts';
import type { Token } from '../../src/stamps/entries.ts';
import { parseProof } from '../../src/stamps/ots.ts';
import { checkToken } from '../../src/stamps/rfc3161.ts';
import { bytesOf, pemsToDer, shared } from './support.ts';

// What real authorities and calendars gave: kept beside the project, not in it.

const HELLO = utf8ToBytes('hello');
const authority = shared('rfc3161');

function response(name: string, beside: Uint8Array[] = []): Token {
  const [, token] = children(readAll(bytesOf(authority.folder, `${name}.tsr`), SEQUENCE));
  return { authority: 'sigstage', nonce: null, token: token!.raw, certificates: beside, crls: [], ocsp: [] };
}

function chain(): { signer: Uint8Array; roots: { name: string; certificate: Uint8Array; policies: string[] }[] } {
  const [signer, root] = pemsToDer(bytesOf(authority.folder, 'ts_chain.pem'));
  return { signer: signer!, roots: [{ name: 'sigstage', certificate: root!, policies: [] }] };
}

const failed = (token: Token, message: Uint8Array, roots = chain().roots): string[] =>
  checkToken(token, message, roots).steps.filter((s) => s.status === 'fail').map((s) => s.code);

test('real tokens pass with the root of their authority', { skip: authority.missing }, () => {
  for (const [name, time] of [['response-sha256', 1_746_791_935], ['response-sha512', 1_746_791_936]] as const) {
    const checked = checkToken(response(name), HELLO, chain().roots);
    assert.deepEqual([checked.status, checked.time, checked.margin], ['pass', time, 1], JSON.stringify(checked.steps));
  }
});

test('an unknown root is unchecked, and hides no invalid signature', { skip: authority.missing }, () => {
  assert.equal(checkToken(response('response-sha256'), HELLO, []).status, 'unchecked');
  assert.deepEqual(failed(response('response-invalid-signature'), HELLO, []), ['stamp.rfc3161.signature']);
  assert.ok(failed(response('response-invalid-signature'), HELLO).includes('stamp.rfc3161.signature'));
});

test('a token without its certificate needs it beside it; a root beside it is not believed', { skip: authority.missing }, () => {
  const { signer, roots } = chain();
  assert.equal(checkToken(response('response-no-embedded-cert'), HELLO, roots).status, 'unchecked');
  assert.equal(checkToken(response('response-no-embedded-cert', [signer]), HELLO, roots).status, 'pass');
  assert.equal(checkToken(response('response-sha256', [roots[0]!.certificate]), HELLO, []).status, 'unchecked');
});

test('other text and another nonce fail', { skip: authority.missing }, () => {
  assert.deepEqual(failed(response('response-sha256'), utf8ToBytes('hello!')), ['stamp.rfc3161.imprint']);
  assert.deepEqual(failed({ ...response('response-sha256'), nonce: 7n }, HELLO), ['stamp.rfc3161.nonce']);
});

test('a token is refused when it is cut anywhere', { skip: authority.missing }, () => {
  const { token } = response('response-sha256');
  for (let size = 0; size < token.length; size += 13) {
    assert.equal(checkToken({ ...response('response-sha256'), token: token.subarray(0, size) }, HELLO, []).status, 'fail');
  }
  assert.equal(checkToken({ ...response('response-sha256'), token: encode(SEQUENCE, new Uint8Array()) }, HELLO, []).status, 'fail');
});

const calendars = shared('opentimestamps');

const codeOf = (name: string): string | null => {
  try {
    parseProof(bytesOf(calendars.folder, name));
    return null;
  } catch (error) {
    if (error instanceof ArchiveError) return error.code;
    throw error;
  }
};

test('the real proof of hello-world stands in its real block, and in no altered one', { skip: calendars.missing }, () => {
  const proof = parseProof(bytesOf(calendars.folder, 'hello-world.txt.ots'));
  assert.equal(bytesToHex(proof.digest), bytesToHex(sha256(bytesOf(calendars.folder, 'hello-world.txt'))));
  assert.deepEqual(proof.blocks.map((b) => [b.height, shown(b.merkleRoot)]), [
    [358391, '8a1b66ecb7cbd07d8139a7e7d7f2c41aab1f5009b8364aaf61d03ad245e47e00'],
  ]);
  const header = fromHex(new TextDecoder().decode(bytesOf(calendars.folder, 'bitcoin-358391.header.hex')).trim())!;
  assert.equal(shown(parseHeader(header).hash), '000000000000000003e892881a8cdcdc117c06d444057c98b6f04a9ee75a2319');
  const judged = (raw: Uint8Array): string =>
    judgeBlock(358391, proof.blocks[0]!, [{ height: 358391, source: 'a file', kind: 'file', header: raw }], MAINNET, 2).status;
  assert.equal(judged(header), 'pass');
  for (const place of [0, 40, 70, 72, 74, 76, 79]) {
    const altered = header.slice();
    altered[place]! ^= 1;
    assert.equal(judged(altered), 'fail', `byte ${place}`);
  }
});

test('real pending proofs are pending, and the empty file has its own', { skip: calendars.missing }, () => {
  for (const name of ['incomplete.txt', 'two-calendars.txt']) {
    const proof = parseProof(bytesOf(calendars.folder, `${name}.ots`));
    assert.equal(bytesToHex(proof.digest), bytesToHex(sha256(bytesOf(calendars.folder, name))));
    assert.ok(proof.pending.length > 0 && proof.blocks.length === 0);
  }
  assert.equal(codeOf('empty.ots'), null);
});

test('invalid proofs are refused under their codes', { skip: calendars.missing }, () => {
  assert.equal(codeOf('invalid/bad-major-version.ots'), 'stamp.opentimestamps.version');
  assert.equal(codeOf('invalid/exceeds-max-msg-length.ots'), 'stamp.opentimestamps.malformed');
});
