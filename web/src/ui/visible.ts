/**
 * Text of others, made safe to read: every character that shows nothing or turns the direction of what stands around it
 * is written out as `⟨U+202E⟩`, so that a name looks like what it is.
 */
const HIDDEN =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u00a0\u115f\u1160\u1680\u2000-\u200a\u202f\u205f\u2800\u3164\uffa0]/gu;
const LETTERS = { latin: /\p{Script=Latin}/u, cyrillic: /\p{Script=Cyrillic}/u, greek: /\p{Script=Greek}/u };

export function visible(text: string): string {
  return text.replace(HIDDEN, (c) => `⟨U+${c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}⟩`);
}

/** Does the text hold characters that `visible` writes out? */
export function hasHidden(text: string): boolean {
  return text.search(HIDDEN) >= 0;
}

/** Does one word mix alphabets whose letters look alike, as a forged name would? */
export function mixesAlphabets(text: string): boolean {
  return text.split(/[^\p{L}\p{M}]+/u).some((word) => Object.values(LETTERS).filter((script) => script.test(word)).length > 1);
}

/** For a place inside a sentence: visible, and isolated from the direction of the text around it. */
export function isolated(text: string): string {
  return `\u2068${visible(text)}\u2069`;
}

const MAX_QUOTED = 80;

/** A name in quotation marks, so that one made like a sentence is not read as a part of the text; it cannot close them itself. */
export function quoted(name: string): string {
  const short = [...name].length > MAX_QUOTED ? `${[...name].slice(0, MAX_QUOTED).join('')}…` : name;
  return `“${isolated(short.replace(/["“”„‟«»「」『』]/g, "'"))}”`;
}

/** A sentence as plain text, for the clipboard: without the marks of `isolated`. */
export function plain(text: string): string {
  return text.replace(/[\u2068\u2069]/g, '');
}
