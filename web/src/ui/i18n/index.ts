import { en, type Messages } from './en.ts';
import { zh } from './zh.ts';

export type { Messages } from './en.ts';

export const LANGUAGES: readonly Messages[] = [en, zh];

/** The language of `#lang=`, else the browser's, else English. */
export function chooseLanguage(asked: string | null, preferred: readonly string[]): Messages {
  for (const tag of [...(asked === null ? [] : [asked]), ...preferred]) {
    const found = LANGUAGES.find((m) => tag.toLowerCase().split('-')[0] === m.lang);
    if (found) return found;
  }
  return en;
}

/** The name of a check: of its code, else of what stands before `:`, else of the family that it belongs to; else the code. */
export function checkName(m: Messages, code: string): string {
  const names: Readonly<Record<string, string>> = m.checks;
  const exact = names[code] ?? names[code.split(':')[0]!];
  if (exact !== undefined) return exact;
  for (let end = code.lastIndexOf('.'); end > 0; end = code.lastIndexOf('.', end - 1)) {
    const family = names[code.slice(0, end)];
    if (family !== undefined) return family;
  }
  return code;
}
