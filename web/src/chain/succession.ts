import { bytesOf, concatBytes, hasExactly, ADDRESS, keccak, matches } from './codec.ts';
import { utf8ToBytes } from '../bytes.ts';
import { ArchiveError } from '../errors.ts';
import * as canonical from '../format/canonical.ts';
import { recoverMessage } from './ecdsa.ts';

/** A signed statement of the key `old` that `new` comes after it (docs/registry.md). */
export interface Succession {
  readonly old: string;
  readonly new: string;
  readonly signedAt: string;
  readonly signature: string;
}

export const SUCCESSION_FORMAT = 'incident-archive-succession/1';
export const MAX_SUCCESSION_BYTES = 4096;
const MAX_LENGTH = 16;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const SIGNATURE = /^0x[0-9a-f]{130}$/;

/** Reads a statement's file; throws the codes of `parseSuccession` and of canonical JSON. */
export function readSuccession(data: Uint8Array): Succession {
  return parseSuccession(canonical.loads(data, { maxBytes: MAX_SUCCESSION_BYTES }));
}

/** Reads a statement and checks its signature; throws ArchiveError `succession.unknown_format`, `.shape`, `.signature`. */
export function parseSuccession(value: unknown): Succession {
  if (!canonical.isObject(value) || canonical.own(value, 'format') !== SUCCESSION_FORMAT) {
    throw new ArchiveError('succession.unknown_format', `not of format '${SUCCESSION_FORMAT}'`);
  }
  if (!hasExactly(value, ['format', 'old', 'new', 'signed_at', 'signature'])) throw wrongShape('has other keys than the format');
  const { old, new: after, signed_at: signedAt, signature } = value;
  if (!matches(old, ADDRESS)) throw wrongShape('old is not as the format says');
  if (!matches(after, ADDRESS)) throw wrongShape('new is not as the format says');
  if (!matches(signedAt, TIME)) throw wrongShape('signed_at is not as the format says');
  if (!matches(signature, SIGNATURE)) throw wrongShape('signature is not as the format says');
  if (old === after) throw wrongShape('a key cannot come after itself');
  const message = canonical.dumps({ format: SUCCESSION_FORMAT, old, new: after, signed_at: signedAt });
  const prefix = utf8ToBytes(`\x19Ethereum Signed Message:\n${message.length}`);
  if (recoverMessage(keccak(concatBytes(prefix, message)), bytesOf(signature)) !== old) {
    throw new ArchiveError(
      'succession.signature',
      `the signature is not that of the old key ${old}`,
      'ask for the statement again, from the holder of the old key',
    );
  }
  return { old, new: after, signedAt, signature };
}

/**
 * The keys from a trusted one to `key`, both included, each the only successor that the one before named; null when there
 * is no such line of at most 16 successions.
 */
export function lineTo(successions: readonly Succession[], trusted: readonly string[], key: string): readonly string[] | null {
  const named = new Map<string, Set<string>>();
  for (const statement of successions) {
    const after = named.get(statement.old) ?? new Set();
    named.set(statement.old, after.add(statement.new));
  }
  for (const start of trusted) {
    const line = [start];
    while (line.length <= MAX_LENGTH + 1) {
      if (line.at(-1) === key) return line;
      const after = [...(named.get(line.at(-1)!) ?? [])];
      // A key that named two successors is followed to neither: one of them may be a thief's.
      if (after.length !== 1 || line.includes(after[0]!)) break;
      line.push(after[0]!);
    }
  }
  return null;
}

/** Every key that statements connect with `key`, before or after it; for looking, not for trusting. */
export function keysOf(successions: readonly Succession[], key: string): readonly string[] {
  const found = [key];
  for (let i = 0; i < found.length && found.length <= 2 * MAX_LENGTH; i++) {
    for (const statement of successions) {
      if (statement.old === found[i] && !found.includes(statement.new)) found.push(statement.new);
      if (statement.new === found[i] && !found.includes(statement.old)) found.push(statement.old);
    }
  }
  return found;
}

function wrongShape(what: string): ArchiveError {
  return new ArchiveError('succession.shape', what);
}
