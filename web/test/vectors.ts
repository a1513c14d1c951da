import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The project's folder; tests are bundled elsewhere, so test.mjs says where it is. */
export const ROOT = process.env['VERIFIER_ROOT']!;

/** A file of tests/vectors/, parsed. */
export function vectors<T = Record<string, unknown>>(name: string): T {
  return JSON.parse(readFileSync(join(ROOT, 'tests', 'vectors', name), 'utf8')) as T;
}
