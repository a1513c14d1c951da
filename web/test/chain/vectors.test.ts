import assert from 'node:assert/strict';
import { test } from 'node:test';
import { from0x, to0x, utf8ToBytes, bytesToHex, compareBytes } from '../../src/bytes.ts';
import { checkAbsence, readAbsence } from '../../src/chain/absence.ts';
import { checkAnchor, parseAnchorProof } from '../../src/chain/anchor.ts';
import { checkSignature, digestOf, parseRequest, relayCall, structHash } from '../../src/chain/eip712.ts';
import { batchLeaf, batchRoot, incidentKey, type Member } from '../../src/chain/registry.ts';
import { ArchiveError } from '../../src/errors.ts';
import { contentDigest } from '../../src/format/cid.ts';
import { inclusionPath, merkleRoot } from '../../src/format/merkle.ts';
import { vectors } from '../vectors.ts';

interface Vector {
  name: string;
  input: Record<string, any>;
  expected: 'valid' | 'invalid';
  code: string | null;
  output?: Record<string, any>;
}

/** Each vector of a file is a test: `judge` gives what came out, or throws ArchiveError with the code. */
function each(file: string, judge: (input: Record<string, any>, vector: Vector) => { code: string | null; output: Record<string, any> | undefined }): void {
  for (const vector of vectors<{ vectors: Vector[] }>(file).vectors) {
    test(`${file}: ${vector.name}`, () => {
      const found = judge(vector.input, vector);
      assert.equal(found.code, vector.code);
      assert.equal(vector.expected, found.code === null ? 'valid' : 'invalid');
      if (vector.output !== undefined) assert.deepEqual(found.output, vector.output);
    });
  }
}

function codeOf(run: () => unknown): string | null {
  try {
    run();
  } catch (error) {
    if (error instanceof ArchiveError) return error.code;
    throw error;
  }
  return null;
}

each('state.json', ({ anchor, absence }) => {
  let output: Record<string, any> | undefined;
  const code = codeOf(() => {
    const { steps, proven } =
      anchor === undefined ? checkAbsence(readAbsence(utf8ToBytes(JSON.stringify(absence)))) : checkAnchor(parseAnchorProof(anchor));
    const failed = steps.find((step) => step.status === 'fail');
    assert.equal(failed === undefined, proven !== null);
    if (failed !== undefined) throw new ArchiveError(failed.code, failed.found ?? '');
    output = { code_hash: proven!.codeHash };
  });
  return { code, output };
});

each('batches.json', ({ members }) => {
  const all: Member[] = members.map((m: Record<string, string>) => ({
    incidentKey: m['incident_key'],
    root: m['root']!.slice(2),
    contentDigest: m['content_digest']!.slice(2),
  }));
  const leaves = all.map(batchLeaf);
  const sorted = [...leaves].sort(compareBytes);
  const root = bytesToHex(merkleRoot(sorted));
  const indexes = leaves.map((leaf) => sorted.findIndex((other) => compareBytes(leaf, other) === 0));
  const paths = indexes.map((index) => inclusionPath(sorted, index));
  all.forEach((member, i) => {
    const place = { path: paths[i]!, index: indexes[i]!, count: all.length };
    assert.equal(batchRoot(member, place), root);
    assert.equal(codeOf(() => batchRoot(member, { ...place, path: [...place.path, leaves[0]!] })), 'merkle.path_length');
    assert.equal(codeOf(() => batchRoot(member, { ...place, index: all.length })), 'merkle.index');
    const other = all.length > 1 ? batchRoot(all[(i + 1) % all.length]!, place) : null;
    assert.notEqual(other, root);
  });
  return { code: null, output: { root: '0x' + root, leaves: leaves.map(to0x), indexes, paths: paths.map((path) => path.map(to0x)) } };
});

each('keys.json', (input) => {
  let output: Record<string, any> | undefined;
  const code = codeOf(() => {
    if (input['incident'] !== undefined) output = { incident_key: incidentKey(input['incident']).slice(2) };
    else if (input['content_id'] !== undefined) output = { content_digest: bytesToHex(contentDigest(input['content_id'])) };
    else {
      const member = { incidentKey: '0x' + input['incident_key'], root: input['root'], contentDigest: input['content_digest'] };
      output = { batch_leaf: bytesToHex(batchLeaf(member)) };
    }
  });
  return { code, output };
});

each('requests.json', (input) => {
  const request = parseRequest(utf8ToBytes(JSON.stringify(input)));
  const output = { struct_hash: to0x(structHash(request)), digest: to0x(digestOf(request)), calldata: to0x(relayCall(request)) };
  return { code: codeOf(() => checkSignature(request)), output };
});

test('a request of another shape is refused', () => {
  const { input } = vectors<{ vectors: Vector[] }>('requests.json').vectors.find((v) => v.name === 'retract, chain 97')!;
  const code = (changed: Record<string, unknown>) => codeOf(() => parseRequest(utf8ToBytes(JSON.stringify({ ...input, ...changed }))));
  assert.equal(code({}), null);
  assert.equal(code({ format: 'incident-archive-request/2' }), 'request.unknown_format');
  const { message } = input;
  for (const changed of [
    { more: 1 }, { act: 'cancel' }, { act: 'anchor' }, { chain_id: 0 }, { registry: input['registry'].toUpperCase() }, { signature: '0x' },
    { signature: 'ff' }, { message: { ...message, reason: ' ' } }, { message: { ...message, reason: 'a\u200bb' } },
    { message: { ...message, reason: 'é'.repeat(257) } }, { message: { ...message, deadline: -1 } }, { message: { ...message, deadline: true } },
    { message: { ...message, root: '0x' + message.root } }, { message: null },
  ]) {
    assert.equal(code(changed), 'request.shape', JSON.stringify(changed));
  }
  assert.equal(codeOf(() => parseRequest(new Uint8Array(64 * 1024 + 1))), 'request.too_large');
  assert.ok(from0x(input['signature']));
});
