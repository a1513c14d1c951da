/**
 * Does a record follow its schema? The fields come from Python's models (`tools/record_model.py`), and so do the codes
 * of what is wrong: those of pydantic for shapes, `record.…` for values.
 */
import { type Json, type JsonObject, isObject } from '../format/canonical.ts';
import { countCharacters, isBlank, repr } from './python.ts';
import data from './record_model.json';
import { parseTime } from './times.ts';

export const SCHEMA_VERSION = '1';

/** `loc` are the keys and indexes that lead to the place. */
export interface ModelFault {
  readonly loc: readonly (string | number)[];
  readonly type: string;
  readonly message: string;
}

type Type = { readonly nullable?: boolean } & (
  | { readonly t: 'text'; readonly pattern: string; readonly code: string; readonly message: string }
  | { readonly t: 'string' | 'decimal' | 'time' | 'content' }
  | { readonly t: 'true' | 'flag' | 'result' }
  | { readonly t: 'literal'; readonly values: readonly string[] }
  | { readonly t: 'integer'; readonly least: number; readonly most: number }
  | { readonly t: 'list'; readonly of: Type; readonly least: number }
  | { readonly t: 'map'; readonly key: Type; readonly value: Type; readonly filled: boolean }
  | { readonly t: 'model'; readonly name: string }
);
type Fields = Readonly<Record<string, { readonly required: boolean; readonly type: Type }>>;

const MODELS = data.models as unknown as Readonly<Record<string, Fields>>;
const MAX_TEXT = 65_536;
const DECIMAL = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?$/;
const INTEGER = /^-?(0|[1-9][0-9]{0,15})$/;
// What \s means in Python's patterns.
const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const patterns = new Map<string, RegExp>();

/** Everything that is wrong with the fields of a record. */
export function checkModel(record: JsonObject): ModelFault[] {
  return [...model(data.record, record, [])];
}

/** The recipe of a redaction alone; the first thing that is wrong with it. */
export function checkRecipe(recipe: unknown): ModelFault | null {
  return [...model('Recipe', recipe as Json, [])][0] ?? null;
}

type Loc = readonly (string | number)[];

function* model(name: string, value: Json, loc: Loc): Generator<ModelFault> {
  const fields = MODELS[name]!;
  if (!isObject(value)) {
    yield { loc, type: 'model_type', message: `Input should be a valid dictionary or instance of ${name}` };
    return;
  }
  for (const [key, { required, type }] of Object.entries(fields)) {
    if (Object.hasOwn(value, key)) yield* one(type, value[key] as Json, [...loc, key]);
    else if (required) yield { loc: [...loc, key], type: 'missing', message: 'Field required' };
  }
  for (const key of Object.keys(value)) {
    if (!Object.hasOwn(fields, key)) {
      yield { loc: [...loc, key], type: 'extra_forbidden', message: 'Extra inputs are not permitted' };
    }
  }
}

function* one(type: Type, value: Json, loc: Loc): Generator<ModelFault> {
  if (value === null && type.nullable) return;
  const fault = (code: string, message: string): ModelFault => ({ loc, type: code, message });
  switch (type.t) {
    case 'model':
      yield* model(type.name, value, loc);
      return;
    case 'list': {
      if (!Array.isArray(value)) {
        yield fault('tuple_type', 'Input should be a valid tuple');
        return;
      }
      let good = 0;
      for (const [i, item] of value.entries()) {
        const faults = [...one(type.of, item, [...loc, i])];
        yield* faults;
        if (faults.length === 0) good++;
      }
      // What has a fault is not counted: so pydantic does.
      if (good < type.least) {
        const items = type.least === 1 ? 'item' : 'items';
        yield fault('too_short', `Tuple should have at least ${type.least} ${items} after validation, not ${good}`);
      }
      return;
    }
    case 'map': {
      if (!isObject(value)) {
        yield fault('dict_type', 'Input should be a valid dictionary');
        return;
      }
      const keys = Object.keys(value);
      for (const key of keys) {
        yield* one(type.key, key, [...loc, key, '[key]']);
        yield* one(type.value, value[key] as Json, [...loc, key]);
      }
      if (type.filled && keys.length === 0) {
        yield fault('record.no_language', 'at least one language is needed, for example en');
      }
      return;
    }
    case 'result':
      if (!isObject(value)) yield fault('dict_type', 'Input should be a valid dictionary');
      else if (!isResult(value)) yield fault('record.finding_result', 'a result holds maps, lists and text, numbers as text');
      return;
    case 'literal':
      if (typeof value !== 'string' || !type.values.includes(value)) {
        const quoted = type.values.map((v) => repr(v));
        const last = quoted.length > 1 ? ` or ${quoted.at(-1)}` : '';
        const first = quoted.length > 1 ? quoted.slice(0, -1).join(', ') : quoted[0];
        yield fault('literal_error', `Input should be ${first}${last}`);
      }
      return;
    case 'true':
      if (value !== true && value !== 'true') {
        yield fault('record.true', 'only true can stand here; leave the line out otherwise');
      }
      return;
    case 'flag':
      if (![true, false, 'true', 'false', 0, 1].includes(value as never)) yield fault('record.flag', 'true or false is expected');
      return;
    case 'integer': {
      const number = typeof value === 'string' && INTEGER.test(value) ? Number(value) : value;
      if (typeof number !== 'number') {
        yield fault('record.integer', 'a whole number is expected, written in plain digits');
      } else if (number < type.least) {
        yield fault('greater_than_equal', `Input should be greater than or equal to ${type.least}`);
      } else if (number > type.most) {
        yield fault('less_than_equal', `Input should be less than or equal to ${type.most}`);
      }
      return;
    }
    default:
      yield* text(type, value, fault);
  }
}

function* text(
  type: Extract<Type, { readonly t: 'text' | 'string' | 'decimal' | 'time' | 'content' }>, value: Json, fault: (code: string, message: string) => ModelFault,
): Generator<ModelFault> {
  if (typeof value !== 'string') {
    yield fault('string_type', 'Input should be a valid string');
    return;
  }
  switch (type.t) {
    case 'text':
      if (!patternOf(type.pattern).test(value)) yield fault(type.code, type.message);
      return;
    case 'decimal':
      if (!DECIMAL.test(value)) yield fault('record.decimal', 'a decimal is written as plain digits, like 0.10 or -12');
      else if (/^-[0.]*$/.test(value)) yield fault('record.decimal', 'minus zero is not a number; write 0');
      return;
    case 'time': {
      const found = parseTime(value);
      if ('code' in found) yield fault(found.code, found.message);
      return;
    }
    case 'content':
      if (isBlank(value)) yield fault('record.empty_text', 'the text is empty');
      else if (value.length > MAX_TEXT && countCharacters(value) > MAX_TEXT) {
        yield fault('record.long_text', 'the text has more than 65,536 characters');
      }
  }
}

function patternOf(source: string): RegExp {
  let found = patterns.get(source);
  if (found === undefined) {
    found = new RegExp(`${source.replaceAll('\\s', SPACE)}$`, 'u');
    patterns.set(source, found);
  }
  return found;
}

/** A result holds maps, lists and texts only: it then reads the same from YAML and from JSON. */
function isResult(value: unknown): boolean {
  if (typeof value === 'string') return true;
  if (Array.isArray(value)) return value.every(isResult);
  return isObject(value) && Object.values(value).every(isResult);
}
