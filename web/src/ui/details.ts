/** Numbers behind a report that it does not hold: places in the tree, and the bytes of anchors. Runs in the worker. */
import { bytesToHex } from '../bytes.ts';
import { checkAnchor, parseAnchorProof } from '../chain/anchor.ts';
import { ArchiveError } from '../errors.ts';
import type { ProofBundle } from '../format/bundle.ts';
import * as canonical from '../format/canonical.ts';
import { inclusionPath, leafHash } from '../format/merkle.ts';
import type { AnchorDetail, Details, LeafDetail } from './protocol.ts';

/** Paths of more files than anybody reads are left out. */
const MAX_PATHS = 500;

export function detailsOf(bundle: ProofBundle): Details {
  const hashes = bundle.entries.map((entry) => leafHash(canonical.dumps(entry)));
  const files: LeafDetail[] = [];
  bundle.entries.forEach((entry, index) => {
    const { path, size } = entry;
    if (typeof path !== 'string' || typeof size !== 'number' || files.length >= MAX_PATHS) return;
    files.push({ path, size, index, hash: bytesToHex(hashes[index]!), proof: inclusionPath(hashes, index).map(bytesToHex) });
  });
  return { leaves: hashes.length, files, anchors: bundle.anchors.flatMap(anchorDetail) };
}

function anchorDetail(value: unknown): AnchorDetail[] {
  try {
    const proof = parseAnchorProof(value);
    const { proven } = checkAnchor(proof);
    if (proven === null) return [];
    const { place } = proven;
    return [
      {
        transaction: proven.txHash,
        header: proof.block.header,
        raw: proof.transaction.raw,
        codeHash: proven.codeHash,
        place: place && { index: place.index, count: place.count },
      },
    ];
  } catch (error) {
    // What is wrong with it the report says.
    if (error instanceof ArchiveError) return [];
    throw error;
  }
}
