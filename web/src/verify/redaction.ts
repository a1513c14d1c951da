/** Redacted evidence: is what the recipe leaves out really gone? That the log was complete nobody checks (docs/gate.md). */
import { ArchiveError, isUnknown } from '../errors.ts';
import type { ProofBundle } from '../format/bundle.ts';
import { type JsonObject, isObject } from '../format/canonical.ts';
import type { EvidenceEntry } from '../format/entries.ts';
import type { RedactionFact } from './facts.ts';
import { stripMetadata } from './images.ts';
import { JsonError, OtherNumber, isMap, parseJson } from './json.ts';
import type { Leaves } from './leaves.ts';
import { type Check, type Status, check } from './outcome.ts';
import { findHits } from './masks.ts';
import { clip, compareText, str } from './python.ts';
import { evidenceItems } from './record.ts';
import { checkRecipe } from './record_model.ts';
import data from './record_model.json';

const INCOMPLETE = 'completeness of the log: not checked';
const METHOD = 'redact@1';
const TOKEN = /^tok_[a-z2-7]{20}$/;
const STEP = /^(?:[1-9][0-9]{0,17}|0\.[0-9]{0,17}[1-9])$/;
const MAX_LINE = 16 << 20;
const TIMES = ['second', 'minute', 'hour', 'day'];
const DELIMITERS: Record<string, string> = { comma: ',', semicolon: ';', tab: '\t', pipe: '|' };
/** Larger redacted files are not looked into here: they are held in memory for it. */
export const MAX_LOOKED_INTO = 256 * 1024 * 1024;

interface Recipe {
  readonly format: 'csv' | 'jsonl' | 'text' | 'image';
  readonly delimiter: string;
  readonly drop: readonly string[];
  readonly empty: readonly string[];
  readonly tokens: Readonly<Record<string, string>>;
  readonly mask: readonly string[];
}

/** The evidence files that the record says are redacted, each with its item. */
export function redactedEntries(bundle: ProofBundle, leaves: Leaves): [EvidenceEntry, JsonObject][] {
  const items = new Map(
    evidenceItems(bundle.record)
      .filter((item) => 'redaction' in item)
      .map((item) => [str(item['id']), item]),
  );
  return leaves.evidence.flatMap((entry): [EvidenceEntry, JsonObject][] => {
    const item = items.get(entry.id);
    return item === undefined ? [] : [[entry, item]];
  });
}

/** A line for each redacted item: its slots, and what nobody can say. */
export function checkRedactions(bundle: ProofBundle, leaves: Leaves, facts: readonly RedactionFact[]): Check[] {
  const looked = new Map(facts.map((fact) => [fact.id, fact]));
  return redactedEntries(bundle, leaves).flatMap(([{ id }]) => {
    const fact = looked.get(id);
    if (fact === undefined) {
      const note = `the redacted file was not given; ${INCOMPLETE}`;
      return [check('redaction.slots', 'unchecked', id, { note })];
    }
    if (fact.faults.length === 0) {
      const note = `what the recipe leaves out is not there; ${INCOMPLETE}`;
      return [check('redaction.slots', 'pass', id, { note })];
    }
    return fact.faults.map(([code, words]) => {
      const later = isUnknown(new ArchiveError(code, words)) || !code.startsWith('redact.slot');
      const status: Status = later ? 'unchecked' : 'fail';
      return check('redaction.slots', status, id, { found: code, note: words });
    });
  });
}

/** Looks into the slots of a redacted file whose bytes are those of the package. */
export function lookIntoSlots(id: string, redaction: unknown, bytes: Uint8Array): RedactionFact {
  try {
    return { id, faults: slotFaults(bytes, parseRecipe(redaction)) };
  } catch (error) {
    if (error instanceof ArchiveError) return { id, faults: [[error.code, error.message]] };
    if (error instanceof TypeError) return { id, faults: [['redact.unreadable', 'the file is not UTF-8 text']] };
    throw error;
  }
}

function parseRecipe(value: unknown): Recipe {
  let recipe = value;
  if (isObject(recipe) && 'recipe' in recipe) {
    const method = 'method' in recipe ? recipe['method'] : METHOD;
    if (method !== METHOD) fail('unknown_method', `this version redacts by ${METHOD}, not by ${clip(str(method), 40)}`);
    recipe = recipe['recipe'];
  }
  const fault = checkRecipe(recipe);
  if (fault !== null) {
    fail('recipe', `the recipe is wrong at ${fault.loc.join('/') || 'its top'}: ${fault.message}`);
  }
  const found = recipe as Record<string, unknown>;
  const texts = (name: string): string[] => (found[name] as string[] | undefined) ?? [];
  const tokens = (found['tokens'] as Record<string, string> | null | undefined) ?? {};
  const coarsen = (found['coarsen'] as Record<string, string> | null | undefined) ?? {};
  const [drop, empty, mask] = [texts('drop'), texts('empty'), texts('mask')];
  const maskable: readonly string[] = data.maskable;
  const unknown = mask.filter((rule) => !maskable.includes(rule)).sort(compareText)[0];
  if (unknown !== undefined) fail('recipe', `no rule of the scan is called ${unknown}; there are ${maskable.join(', ')}`);
  for (const [name, how] of Object.entries(coarsen)) {
    if (!TIMES.includes(how) && !STEP.test(how)) {
      fail('recipe', `${name}: coarsen to second, minute, hour, day or a step such as 0.01, not ${how}`);
    }
  }
  const named = [...drop, ...empty, ...Object.keys(tokens), ...Object.keys(coarsen)];
  const format = found['format'] as Recipe['format'];
  if (new Set(named).size !== named.length) fail('recipe', 'a column has more than one thing done to it');
  if (format === 'text' && (drop.length > 0 || empty.length > 0 || Object.keys(coarsen).length > 0)) {
    fail('recipe', 'lines of text have no columns: use mask and tokens, whose names are then rules of the scan');
  }
  if (format === 'text' && Object.keys(tokens).some((rule) => !maskable.includes(rule))) {
    fail('recipe', `in text, tokens go by rules of the scan: ${maskable.join(', ')}`);
  }
  if (format === 'image' && (named.length > 0 || mask.length > 0 || found['metadata'] !== 'strip')) {
    fail('recipe', 'of an image only the metadata can be stripped');
  }
  return { format, delimiter: DELIMITERS[(found['delimiter'] as string | null | undefined) ?? 'comma']!, drop, empty, tokens, mask };
}

/** Content where a recipe says that nothing is: code and words for each column or rule, the first of its kind. */
function slotFaults(bytes: Uint8Array, recipe: Recipe): [string, string][] {
  const faults = new Map<string, [string, string]>();
  const once = (code: string, what: string): void => {
    if (!faults.has(`${code} ${what}`)) faults.set(`${code} ${what}`, [`redact.${code}`, what]);
  };
  if (recipe.format === 'image') {
    if (stripMetadata(bytes).length !== bytes.length) {
      once('slot_metadata', 'the picture still holds metadata that the recipe strips');
    }
  } else if (recipe.format === 'text') {
    const wanted = new Set([...recipe.mask, ...Object.keys(recipe.tokens)]);
    for (const line of linesOf(bytes)) {
      for (const [, , rule] of findHits(line, wanted)) once('slot_not_masked', `a hit of ${rule}, which the recipe masks`);
    }
  } else {
    for (const [names, pairs] of recipe.format === 'csv' ? csvSlots(bytes, recipe) : jsonSlots(bytes)) {
      for (const name of recipe.drop) {
        if (names.has(name)) once('slot_not_dropped', `the column ${name}, which the recipe leaves out`);
      }
      for (const [name, cell] of pairs) {
        if (recipe.empty.includes(name) && cell !== '') once('slot_not_empty', `content in ${name}, which the recipe empties`);
        if (Object.hasOwn(recipe.tokens, name) && cell !== '' && !TOKEN.test(cell)) {
          once('slot_not_token', `something else than a token in ${name}`);
        }
      }
    }
  }
  return [...faults.values()];
}

type Slots = readonly [ReadonlySet<string>, readonly (readonly [string, string])[]];

function* csvSlots(bytes: Uint8Array, recipe: Recipe): Generator<Slots> {
  const rows = csvRows(new TextDecoder('utf-8', { fatal: true }).decode(bytes), recipe.delimiter);
  const first = rows.next();
  const names = first.done ? [] : first.value;
  yield [new Set(names), []];
  for (const row of rows) {
    yield [new Set(), row.slice(0, names.length).map((cell, i): [string, string] => [names[i]!, cell])];
  }
}

/** Rows as Python's csv module reads them: quotes open only at the start of a cell, and what follows a closed one belongs to it. */
export function* csvRows(text: string, delimiter: string): Generator<string[]> {
  let row: string[] = [];
  let cell = '';
  let state: 'start' | 'plain' | 'quoted' | 'closed' = 'start';
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (state === 'quoted') {
      if (character === '"') state = 'closed';
      else cell += character;
    } else if (state === 'closed' && character === '"') {
      cell += character;
      state = 'quoted';
    } else if (character === '"' && state === 'start') {
      state = 'quoted';
    } else if (character === delimiter) {
      row.push(cell);
      cell = '';
      state = 'start';
    } else if (character === '\n' || character === '\r') {
      if (character === '\r' && text[i + 1] === '\n') i++;
      // A line without anything is a row without cells.
      if (state !== 'start' || row.length > 0) row.push(cell);
      yield row;
      row = [];
      cell = '';
      state = 'start';
    } else {
      cell += character;
      state = 'plain';
    }
  }
  if (state !== 'start' || row.length > 0) yield [...row, cell];
}

/** Lines with their ends; one that is longer than anybody's log comes in pieces. */
function* linesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(0x0a, from);
    const line = bytes.subarray(from, Math.min(end < 0 ? bytes.length : end + 1, from + MAX_LINE));
    yield line;
    from += line.length;
  }
}

function* jsonSlots(bytes: Uint8Array): Generator<Slots> {
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(0x0a, from);
    const line = bytes.subarray(from, end < 0 ? bytes.length : end);
    from = end < 0 ? bytes.length : end + 1;
    if (line.every((byte) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d))) continue;
    let pairs: [string, string][];
    try {
      pairs = [...pairsOf(parseJson(new TextDecoder('utf-8', { fatal: true }).decode(line), true))];
    } catch (error) {
      if (error instanceof JsonError || error instanceof TypeError) fail('row', 'a line is not JSON');
      throw error;
    }
    yield [new Set(pairs.map(([name]) => name)), pairs];
  }
}

function* pairsOf(value: unknown): Generator<[string, string]> {
  if (Array.isArray(value)) {
    for (const item of value) yield* pairsOf(item);
  } else if (isMap(value)) {
    for (const [name, item] of Object.entries(value)) {
      if (item === null) yield [name, ''];
      else if (item instanceof OtherNumber) yield [name, item.text];
      else yield [name, typeof item === 'object' ? '…' : str(item)];
      yield* pairsOf(item);
    }
  }
}

function fail(code: string, message: string): never {
  throw new ArchiveError(`redact.${code}`, message);
}
