/**
 * Rules that need more than one field of a record, as it stands in a package (docs/record.md): only what is an error
 * there. Warnings are for authors. The fields themselves were checked by `record_model` before.
 */
import { ArchiveError } from '../errors.ts';
import { type JsonObject, isObject } from '../format/canonical.ts';
import { checkPath, isId } from '../format/entries.ts';
import { caselessFold } from '../format/unicode.ts';
import { clip, compareText, isBlank, repr } from './python.ts';
import { AHEAD, BEHIND, type Instants, parseTime } from './times.ts';

/** A problem of a record, addressed by JSON pointer. */
export interface Fault {
  readonly code: string;
  readonly message: string;
  readonly pointer: string;
}

type Fields = Record<string, unknown>;
interface Item {
  readonly pointer: string;
  readonly kind: string;
  readonly fields: Fields;
  readonly id: string | null;
}
type Faults = Generator<Fault>;

/** Lists whose items have ids, and what such an item is called. */
const SECTIONS: readonly (readonly [string, string])[] = [
  ['venues', 'venue'], ['parties', 'party'], ['timeline', 'timeline entry'], ['claims', 'claim'],
  ['statements', 'statement'], ['commitments', 'commitment'], ['figures', 'figure'], ['remedies', 'remedy'],
  ['demands', 'demand'], ['questions', 'question'], ['findings', 'finding'], ['evidence', 'evidence item'],
  ['references', 'reference'],
];
const ACTORS = ['party', 'venue'];
const SAYS = ['evidence item', 'party', 'reference', 'statement', 'venue'];
const SHOWS = ['claim', 'evidence item', 'figure', 'finding', 'statement'];
const ABOUT = SECTIONS.map(([, kind]) => kind).filter((kind) => kind !== 'evidence item' && kind !== 'reference').sort(compareText);
/** What the ids in a field of this name must stand for, wherever the field is; each list sorted. */
const ID_FIELDS = new Map<string, readonly string[]>(Object.entries({
  sources: SAYS,
  evidence: ['evidence item'],
  venues: ['venue'],
  venue: ['venue'],
  parties: ACTORS,
  party: ACTORS,
  operator: ACTORS,
  claimed_by: ACTORS,
  evidence_for: SHOWS,
  evidence_against: SHOWS,
  contradicted_by: SHOWS,
  disputes: ['figure'],
  supersedes: ['figure'],
  figures: ['figure'],
  about: ABOUT,
  derived_from: ['evidence item'],
}));
const ACTOR_SECTIONS = ['commitments', 'remedies', 'demands', 'questions'];
const PRECISIONS = ['year', 'month', 'day', 'hour', 'minute', 'second', 'millisecond'];
const STEP = new Map([['hour', 3_600_000], ['minute', 60_000], ['second', 1_000], ['millisecond', 1]]);
const TIMES = ['at', 'start', 'end', 'made_at', 'seen_at', 'as_of', 'announced_at', 'published_at', 'retrieved_at'];
const URL_FORM = /^(https?|ipfs|ar):\/\/[^\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000<>"]{1,2000}$/u;

/** All faults of the record of a package between its fields. */
export function checkRules(value: JsonObject): Fault[] {
  const items = SECTIONS.flatMap(([section, kind]) =>
    maps(value, section, '').map(([pointer, fields]): Item => ({ pointer, kind, fields, id: text(fields, 'id') })),
  );
  return [
    ...checkIds(items),
    ...checkMentions(value, items),
    ...checkTimes(value),
    ...checkClaims(items),
    ...checkAttribution(items),
    ...checkFigures(items),
    ...checkFindings(value),
    ...checkEvidence(value),
    ...checkGate(value, items),
    ...checkRevisions(value),
    ...checkTop(value),
  ];
}

function text(fields: Fields, name: string): string | null {
  const found = fields[name];
  return typeof found === 'string' ? found : null;
}

function list(fields: Fields, name: string): unknown[] {
  const found = fields[name];
  return Array.isArray(found) ? found : [];
}

function maps(fields: Fields, name: string, pointer: string): [string, Fields][] {
  return list(fields, name).flatMap((item, i): [string, Fields][] => (isObject(item) ? [[`${pointer}/${name}/${i}`, item]] : []));
}

function numberOf(value: unknown): number | null {
  if (typeof value === 'string') return /^[0-9]{1,15}$/.test(value) ? Number(value) : null;
  return typeof value === 'number' ? value : null;
}

function has(fields: Fields, name: string): boolean {
  return Object.hasOwn(fields, name);
}

// Ids

function* checkIds(items: readonly Item[]): Faults {
  const first = new Map<string, Item>();
  for (const item of items) {
    if (item.id === null) continue;
    const other = first.get(item.id);
    if (other === undefined) {
      first.set(item.id, item);
      continue;
    }
    const message = `the id \`${clip(item.id, 64)}\` is used twice (first by a ${other.kind}, ${other.pointer})`;
    yield { code: 'record.duplicate_id', message, pointer: `${item.pointer}/id` };
  }
}

function* checkMentions(value: JsonObject, items: readonly Item[]): Faults {
  const kinds = new Map<string, Set<string>>();
  for (const item of items) {
    if (item.id === null) continue;
    const known = kinds.get(item.id) ?? new Set<string>();
    kinds.set(item.id, known.add(item.kind));
  }
  for (const [section] of SECTIONS) {
    for (const [pointer, fields] of maps(value, section, '')) {
      for (const mention of mentions(fields, pointer, section)) yield* checkMention(mention, text(fields, 'id'), kinds);
    }
  }
}

type Mention = readonly [place: string, found: string, allowed: readonly string[]];

function* mentions(fields: Fields, pointer: string, section: string): Generator<Mention> {
  for (const [name, found] of Object.entries(fields)) {
    const place = `${pointer}/${name}`;
    let allowed = ID_FIELDS.get(name);
    if ((name === 'by' || name === 'to') && ACTOR_SECTIONS.includes(section) && Array.isArray(found)) allowed = ACTORS;
    if (name === 'claim' && section === 'claims' && !has(fields, 'root') && typeof found === 'string') {
      yield [place, found, ['claim']];
    } else if (allowed !== undefined && typeof found === 'string') {
      yield [place, found, allowed];
    } else if (allowed !== undefined && Array.isArray(found)) {
      for (const [i, one] of found.entries()) if (typeof one === 'string') yield [`${place}/${i}`, one, allowed];
    } else if (Array.isArray(found)) {
      for (const [inner, part] of maps(fields, name, pointer)) yield* mentions(part, inner, section);
    }
  }
}

function* checkMention([pointer, found, allowed]: Mention, owner: string | null, kinds: Map<string, Set<string>>): Faults {
  if (!isId(found)) return;
  const known = kinds.get(found);
  if (known === undefined) {
    yield { code: 'record.unknown_id', message: `nothing in this record has the id \`${found}\``, pointer };
  } else if (!allowed.some((kind) => known.has(kind))) {
    const is = [...known].sort(compareText).join(' and ');
    yield { code: 'record.wrong_kind', message: `\`${found}\` is a ${is}; here stands a ${allowed.join(' or ')}`, pointer };
  } else if (found === owner) {
    yield { code: 'record.self_reference', message: `\`${found}\` refers to itself`, pointer };
  }
}

// Times

function* checkTimes(value: JsonObject): Faults {
  yield* precisions(value, '');
  yield* periods(value, '');
  const occurred = value['occurred'];
  yield* checkTimeline(value, isObject(occurred) ? occurred : null);
  for (const [pointer, statement] of maps(value, 'statements', '')) {
    yield* inOrder(statement, pointer, 'versions', ['made_at', 'seen_at']);
    for (const [inner, version] of maps(statement, 'versions', pointer)) yield* after(version, inner, 'made_at', 'seen_at');
  }
  for (const section of ['demands', 'questions']) {
    for (const [pointer, request] of maps(value, section, '')) {
      yield* inOrder(request, pointer, 'answers', ['at']);
      for (const [inner, answer] of maps(request, 'answers', pointer)) {
        yield* after({ ...answer, made_at: request['made_at'] }, inner, 'made_at', 'at');
      }
    }
  }
  for (const [pointer, item] of maps(value, 'evidence', '')) yield* inOrder(item, pointer, 'custody', ['at']);
  for (const [pointer, reference] of maps(value, 'references', '')) {
    yield* after(reference, pointer, 'published_at', 'retrieved_at');
  }
  yield* inOrder(value, '', 'revisions', ['at']);
}

/** The instants that a written time means at its stated precision; null for what is no time. */
function instantsOf(written: unknown, precision: unknown = null): Instants | null {
  if (typeof written !== 'string') return null;
  const found = parseTime(written);
  if ('code' in found) return null;
  const step = typeof precision === 'string' ? STEP.get(precision) : undefined;
  if (step === undefined || !STEP.has(found.precision)) return found;
  return { earliest: found.earliest, latest: found.earliest + step, precision: String(precision) };
}

/** Every time is written at least to its stated precision, and no finer. */
function* precisions(value: unknown, pointer: string): Faults {
  if (Array.isArray(value)) for (const [i, item] of value.entries()) yield* precisions(item, `${pointer}/${i}`);
  if (!isObject(value)) return;
  const precision = value['precision'];
  for (const [name, item] of Object.entries(value)) {
    if (TIMES.includes(name) && typeof precision === 'string' && PRECISIONS.includes(precision)) {
      yield* checkPrecision(item, precision, `${pointer}/${name}`);
    } else if (typeof item === 'object' && item !== null) {
      yield* precisions(item, `${pointer}/${name}`);
    }
  }
}

function* checkPrecision(written: unknown, precision: string, pointer: string): Faults {
  const instants = instantsOf(written);
  if (instants === null || typeof written !== 'string') return;
  const has_ = PRECISIONS.indexOf(instants.precision);
  const stated = PRECISIONS.indexOf(precision);
  if (has_ < stated) {
    const message = `${written} is written to the ${instants.precision} but its precision is said to be ${precision}`;
    yield { code: 'record.precision', message, pointer };
  } else if ((!STEP.has(precision) && has_ > stated) || isFiner(written, precision)) {
    yield { code: 'record.precision', message: `${written} is written more finely than its precision, ${precision}`, pointer };
  }
}

/** True when the parts of a full time below its precision are not zero. */
function isFiner(written: string, precision: string): boolean {
  const clock = /T(\d\d):(\d\d):(\d\d)(?:\.(\d{3}))?/.exec(written);
  const keep = ['hour', 'minute', 'second', 'millisecond'].indexOf(precision) + 1;
  if (clock === null || keep === 0) return false;
  return clock.slice(1).map((part) => Number(part ?? 0)).slice(keep).some((part) => part !== 0);
}

/** Start and end of a period, entry or instant (both the same then); null when there is no usable time. */
function intervalOf(fields: Fields): readonly [Instants, Instants] | null {
  const precision = fields['precision'];
  const at = instantsOf(fields['at'], precision);
  if (at !== null) return [at, at];
  const start = instantsOf(fields['start'], precision);
  return start === null ? null : [start, instantsOf(fields['end'], precision) ?? start];
}

/** True when `later` certainly lies before `earlier`, whatever instants the two mean; dates are compared as dates. */
function isBefore(later: Instants, earlier: Instants): boolean {
  if (!STEP.has(later.precision) && !STEP.has(earlier.precision)) return later.latest - BEHIND <= earlier.earliest + AHEAD;
  return later.latest <= earlier.earliest && later.earliest < earlier.earliest;
}

function* periods(value: unknown, pointer: string): Faults {
  if (Array.isArray(value)) for (const [i, item] of value.entries()) yield* periods(item, `${pointer}/${i}`);
  if (!isObject(value)) return;
  const [start, end] = ['start', 'end'].map((name) => instantsOf(value[name], value['precision']));
  if (start && end && isBefore(end, start)) {
    const message = `it ends (${String(value['end'])}) before it starts (${String(value['start'])})`;
    yield { code: 'record.time_order', message, pointer: `${pointer}/end` };
  }
  for (const [name, item] of Object.entries(value)) {
    if (typeof item === 'object' && item !== null) yield* periods(item, `${pointer}/${name}`);
  }
}

function* checkTimeline(value: JsonObject, occurred: Fields | null): Faults {
  const bounds = occurred === null ? null : intervalOf(occurred);
  const openEnd = occurred !== null && !has(occurred, 'end');
  let latest: { readonly instants: Instants; readonly written: string } | null = null;
  for (const [pointer, entry] of maps(value, 'timeline', '')) {
    const given = ['at', 'start', 'end'].filter((name) => has(entry, name)).join();
    if (given !== 'at' && given !== 'start,end') {
      const message = 'an entry has either `at`, or both `start` and `end`';
      yield { code: 'record.timeline_time', message, pointer };
    }
    const span = intervalOf(entry);
    if (span === null) continue;
    const early = latest !== null && isBefore(span[0], latest.instants);
    if (early) {
      const message = `the entry is earlier than the one before it (${latest!.written})`;
      yield { code: 'record.timeline_order', message, pointer };
    } else {
      latest = { instants: span[0], written: String(has(entry, 'at') ? (entry['at'] ?? 'None') : entry['start']) };
    }
    if (bounds !== null && !has(entry, 'outside_occurred')) {
      const before = isBefore(span[0], bounds[0]);
      if (before || (!openEnd && isBefore(bounds[1], span[1]))) {
        const message = `the entry lies ${before ? 'before' : 'after'} the time in \`occurred\``;
        yield { code: 'record.outside_occurred', message, pointer };
      }
    }
  }
}

function* inOrder(fields: Fields, pointer: string, name: string, times: readonly string[]): Faults {
  for (const time of times) {
    let last: Instants | null = null;
    for (const [inner, item] of maps(fields, name, pointer)) {
      const this_ = instantsOf(item[time], item['precision']);
      if (this_ === null) continue;
      if (last !== null && isBefore(this_, last)) {
        const message = `\`${time}\` is earlier than in the item before it`;
        yield { code: 'record.time_order', message, pointer: `${inner}/${time}` };
      }
      last = this_;
    }
  }
}

function* after(fields: Fields, pointer: string, first: string, second: string): Faults {
  const start = instantsOf(fields[first], fields['precision']);
  const end = instantsOf(fields[second], fields['precision']);
  if (start !== null && end !== null && isBefore(end, start)) {
    yield { code: 'record.time_order', message: `\`${second}\` is earlier than \`${first}\``, pointer: `${pointer}/${second}` };
  }
}

// Claims, figures, attribution

function* checkClaims(items: readonly Item[]): Faults {
  for (const { kind, fields, pointer } of items) {
    if (kind !== 'claim') continue;
    if (fields['status'] === 'contradicted' && list(fields, 'contradicted_by').length === 0) {
      const message = 'the claim is contradicted but nothing says by what';
      yield { code: 'record.contradicted_by_missing', message, pointer };
    }
    for (const [place, relation] of maps(fields, 'relations', pointer)) {
      if (!has(relation, 'root') && (has(relation, 'incident') || has(relation, 'publisher'))) {
        const message = 'the relation names another package without its root';
        yield { code: 'record.relation_root', message, pointer: place };
      }
    }
  }
}

/** Nothing stands in a record without somebody who says so. */
function* checkAttribution(items: readonly Item[]): Faults {
  for (const { kind, fields, pointer } of items) {
    const said = list(fields, 'sources').length > 0 || list(fields, 'evidence').length > 0;
    const lacks = kind === 'figure' ? !said && list(fields, 'claimed_by').length === 0 : kind === 'timeline entry' && !said;
    if (lacks) yield { code: 'record.unattributed', message: `the ${kind} does not say where it is from`, pointer };
  }
}

function* checkFigures(items: readonly Item[]): Faults {
  for (const { kind, fields, pointer } of items) {
    const low = text(fields, 'value');
    const high = text(fields, 'value_to');
    if (kind !== 'figure' || low === null || high === null || compareDecimals(high, low) > 0) continue;
    const message = `the range ends (${clip(high, 40)}) where it starts or below (${clip(low, 40)})`;
    yield { code: 'record.figure_range', message, pointer: `${pointer}/value_to` };
  }
}

/** Exact: both as whole numbers of the smaller unit. */
function compareDecimals(a: string, b: string): number {
  const digits = Math.max(...[a, b].map((one) => (one.split('.')[1] ?? '').length));
  const [x, y] = [a, b].map((one) => {
    const [whole, fraction = ''] = one.split('.');
    return BigInt(whole! + fraction.padEnd(digits, '0'));
  });
  return x! < y! ? -1 : x! > y! ? 1 : 0;
}

/** Either inputs, and a result that can be recomputed, or the word that the inputs are not published. */
function* checkFindings(value: JsonObject): Faults {
  const code = 'record.finding_form';
  for (const [pointer, finding] of maps(value, 'findings', '')) {
    const marked = has(finding, 'not_recomputable');
    if (marked && has(finding, 'result')) {
      yield { code, message: 'a finding that is not recomputable has no result of its own', pointer };
    }
    if (list(finding, 'inputs').length === 0 && !marked) {
      yield { code, message: 'the finding has no inputs, so nobody could compute it again', pointer };
    }
    const seen = new Set<string>();
    for (const [place, item] of maps(finding, 'inputs', pointer)) {
      const pair = `${text(item, 'evidence')} ${text(item, 'role')}`;
      if (seen.has(pair)) yield { code, message: 'the input stands twice in this role', pointer: place };
      seen.add(pair);
    }
  }
}

// Evidence

function* checkEvidence(value: JsonObject): Faults {
  const paths = new Map<string, readonly [string, string]>();
  for (const [pointer, item] of maps(value, 'evidence', '')) {
    yield* checkForm(item, pointer);
    const path = text(item, 'path');
    if (path !== null) yield* checkItemPath(path, `${pointer}/path`, paths);
  }
  for (const [folded, [path, pointer]] of paths) {
    const parts = folded.split('/');
    for (let end = 1; end < parts.length; end++) {
      const other = paths.get(parts.slice(0, end).join('/'));
      if (other === undefined) continue;
      const message = `${repr(clip(path, 80))} lies inside ${repr(clip(other[0], 80))}, which is a file itself`;
      yield { code: 'record.path_collision', message, pointer };
    }
  }
  yield* checkDerivation(value);
}

function form(pointer: string, message: string): Fault {
  return { code: 'record.evidence_form', message, pointer };
}

function* checkForm(item: Fields, pointer: string): Faults {
  const only = 'a withheld item in a published record has only id, withheld and commitment';
  if (has(item, 'commitment')) {
    if (Object.keys(item).sort().join() !== 'commitment,id,withheld') yield form(pointer, only);
    return;
  }
  const forms = ['held', 'withheld', 'reference'].filter((name) => has(item, name));
  const reference = forms.length === 1 && forms[0] === 'reference';
  if (forms.length > 1) {
    yield form(pointer, `an item is either ${forms.join(' or ')}, not both`);
  } else if (reference && has(item, 'path')) {
    yield form(pointer, 'a reference has no path: its file is not part of the package');
  } else if (forms.length === 0 && !has(item, 'path')) {
    yield form(pointer, 'the item has neither a `path` nor a `reference`');
  } else if (forms.length > 0 && !reference && !has(item, 'path')) {
    yield form(pointer, `an item with \`${forms[0]}\` needs a \`path\``);
  }
  for (const name of ['size', 'sha256']) {
    if (reference && has(item, name)) yield form(`${pointer}/${name}`, `\`${name}\` belongs inside \`reference\``);
  }
  for (const name of ['size', 'sha256']) {
    if (has(item, 'held') && !has(item, name)) yield form(pointer, `an item that is held locally needs \`${name}\``);
  }
  if (has(item, 'withheld')) yield form(pointer, only);
  for (const name of ['kind', 'media_type']) {
    if (!has(item, name)) yield { code: 'record.missing_field', message: `the field \`${name}\` is missing`, pointer };
  }
}

function* checkItemPath(path: string, pointer: string, paths: Map<string, readonly [string, string]>): Faults {
  try {
    checkPath(path);
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    if (error.code.startsWith('manifest.')) yield { code: 'record.path', message: error.message, pointer };
    return;
  }
  const folded = caselessFold(path);
  const other = paths.get(folded);
  if (other === undefined) {
    paths.set(folded, [path, pointer]);
  } else if (other[0] === path) {
    yield { code: 'record.duplicate_path', message: `the file is listed twice (first at ${other[1]})`, pointer };
  } else {
    const message = `the path differs from ${repr(clip(other[0], 80))} only by case or Unicode form: one file on some systems`;
    yield { code: 'record.path_collision', message, pointer };
  }
}

function* checkDerivation(value: JsonObject): Faults {
  const parents = new Map<string, string[]>();
  const places = new Map<string, string>();
  for (const [pointer, item] of maps(value, 'evidence', '')) {
    const name = text(item, 'id');
    if (name === null || parents.has(name)) continue;
    parents.set(name, list(item, 'derived_from').filter((one): one is string => typeof one === 'string' && one !== name));
    places.set(name, pointer);
  }
  const settled = new Set<string>();
  for (const name of parents.keys()) {
    // Depth-first without recursion: a chain of thousands of items is legal.
    const path: string[] = [];
    const onPath = new Set<string>();
    const stack: [string, boolean][] = [[name, false]];
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      const [current, leaving] = top;
      if (leaving) {
        onPath.delete(path.pop()!);
        settled.add(current);
      } else if (onPath.has(current)) {
        const way = path.slice(path.indexOf(current) + 1).join(', ');
        const message = `\`${current}\` is derived from itself, by way of ${way}`;
        yield { code: 'record.derived_cycle', message, pointer: `${places.get(current)}/derived_from` };
      } else if (!settled.has(current) && parents.has(current)) {
        path.push(current);
        onPath.add(current);
        stack.push([current, true], ...parents.get(current)!.map((parent): [string, boolean] => [parent, false]));
      }
    }
  }
}

/** Reviews name an evidence item, a redaction its original; lines are committed to where a file is withheld. */
function* checkGate(value: JsonObject, items: readonly Item[]): Faults {
  const known = new Set(items.filter((item) => item.kind === 'evidence item').map((item) => item.id));
  for (const [pointer, review] of maps(value, 'reviews', '')) {
    const named = text(review, 'evidence');
    if (named !== null && isId(named) && !known.has(named)) {
      yield { code: 'record.unknown_id', message: `no evidence item has the id \`${named}\``, pointer: `${pointer}/evidence` };
    }
  }
  for (const [pointer, item] of maps(value, 'evidence', '')) {
    if (has(item, 'redaction') && list(item, 'derived_from').length === 0) {
      const message = 'the item is a redaction, but nothing says of what';
      yield { code: 'record.redaction_of', message, pointer: `${pointer}/redaction` };
    }
    if (has(item, 'rows') && !has(item, 'withheld')) yield form(`${pointer}/rows`, '`rows` is for withheld tables');
  }
}

// The record as a whole

function* checkRevisions(value: JsonObject): Faults {
  const revision = numberOf(value['revision']);
  if (revision === null) return;
  const listed = list(value, 'revisions');
  const numbers = maps(value, 'revisions', '').map(([, fields]) => numberOf(fields['revision']));
  const whole = numbers.length === listed.length && !numbers.includes(null);
  if (listed.length > 0 && whole && numbers.some((number, i) => number !== i + 1)) {
    const message = 'the revisions are not numbered 1, 2, 3 … in order';
    yield { code: 'record.revisions', message, pointer: '/revisions' };
  } else if (listed.length > 0 && listed.length !== revision) {
    const message = `this is revision ${revision}, but reasons are given for ${listed.length}`;
    yield { code: 'record.revisions', message, pointer: '/revisions' };
  }
  if (revision === 1 && has(value, 'supersedes')) {
    yield { code: 'record.supersedes', message: 'revision 1 cannot supersede another revision', pointer: '/supersedes' };
  }
}

function* checkTop(value: JsonObject): Faults {
  const contact = value['contact'];
  if (isObject(contact) && !['email', 'url', 'text'].some((name) => has(contact, name))) {
    yield { code: 'record.contact', message: 'the contact gives no way to be reached', pointer: '/contact' };
  }
  for (const [i, related] of list(value, 'related').entries()) {
    if (typeof related === 'string' && !isBlank(related) && !isId(related) && !URL_FORM.test(related)) {
      yield { code: 'record.related', message: 'this is neither an incident id nor a web address', pointer: `/related/${i}` };
    }
  }
  const roots = new Set<string>();
  for (const [pointer, include] of maps(value, 'includes', '')) {
    const root = text(include, 'root');
    if (root !== null && roots.has(root)) {
      yield { code: 'record.duplicate_include', message: 'the package is included twice', pointer: `${pointer}/root` };
    }
    roots.add(root ?? '');
  }
  yield* checkLanguages(value, '');
}

/** No language twice in one map: `zh-hans` and `zh-Hans` are the same (BCP 47, section 2.1.1). */
function* checkLanguages(value: unknown, pointer: string): Faults {
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) yield* checkLanguages(item, `${pointer}/${i}`);
  } else if (isObject(value)) {
    const folded = new Map<string, string>();
    for (const [name, item] of Object.entries(value)) {
      const lower = name.toLowerCase();
      const other = folded.get(lower) ?? name;
      folded.set(lower, other);
      if (other !== name && typeof item === 'string') {
        const message = `\`${name}\` and \`${other}\` are the same language`;
        yield { code: 'record.language_twice', message, pointer: `${pointer}/${name}` };
      }
      if (typeof item === 'object' && item !== null) yield* checkLanguages(item, `${pointer}/${name}`);
    }
  }
}
