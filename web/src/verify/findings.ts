/** Findings are not computed again here: each is listed, unchecked, and what can compute it is named. */
import type { ProofBundle } from '../format/bundle.ts';
import { type JsonObject, isObject } from '../format/canonical.ts';
import { type Check, check } from './outcome.ts';
import { clip, str } from './python.ts';

const MAX = 1_000;

/** One check `finding:<id>` for each finding that the record declares. */
export function checkFindings(bundle: ProofBundle): Check[] {
  const declared = bundle.record?.['findings'];
  if (!Array.isArray(declared)) return [];
  return declared
    .slice(0, MAX)
    .filter((item): item is JsonObject => isObject(item))
    .map((item) => {
      const id = word(item, 'id');
      const note =
        'not_recomputable' in item
          ? `not recomputable: ${word(item, 'not_recomputable')}`
          : 'not computed again; --recompute does';
      return check(`finding:${id}`, 'unchecked', id, { note, section: 'findings' });
    });
}

function word(item: Record<string, unknown>, name: string): string {
  return name in item ? clip(str(item[name]), 80) : '?';
}
