/** CARv1 of packages, read and verified whole (docs/format.md, section 8). */
import { ArchiveError } from '../errors.ts';
import type { FileDigest } from '../hash/file.ts';
import type { Manifest } from './manifest.ts';
import { blobSource, type ByteSource } from './source.ts';

export interface CarLimits {
  readonly blockBytes: number;
  readonly blocks: number;
}

export interface VerifyCarOptions {
  readonly limits?: Partial<CarLimits>;
  /** Refuse another root than this: `car.other_root`. */
  readonly contentId?: string;
  /** Bytes verified so far, and in all. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Gets the bytes of each file in order, to use within the call. Believe them only when `verifyCar` has returned. */
  readonly onData?: (path: string, piece: Uint8Array) => void;
  readonly signal?: AbortSignal;
}

export interface CarFile extends FileDigest {
  readonly path: string;
}

/** A package that was verified whole. */
export interface VerifiedPackage {
  readonly root: string;
  readonly contentId: string;
  readonly manifest: Manifest;
  readonly files: readonly CarFile[];
}

/**
 * Verifies the CAR of a package from the first byte to the last. Throws `car.…`, `unixfs.…`, `manifest.…`,
 * `canonical.…`, `cid.…`, `package.missing_file`, `.unexpected_file`, `.size_mismatch`, `.digest_mismatch`.
 */
export async function verifyCar(car: Blob | ByteSource, options: VerifyCarOptions = {}): Promise<VerifiedPackage> {
  const source = car instanceof Blob ? blobSource(car) : car;
  options.signal?.throwIfAborted();
  throw new ArchiveError('car.bad_header', `not written yet (${source.size} bytes)`);
}
