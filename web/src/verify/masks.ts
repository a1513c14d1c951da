/**
 * The rules that `redact@1` masks and makes tokens by (docs/gate.md), for looking whether a redacted text still holds a hit of
 * one. Frozen, as Python's `masks_1` is: `tests/vectors/redact.json` holds what they find.
 *
 * Text is bytes: each one character, those from 0x80 on as U+E000 and more, which no pattern takes for a letter or a space.
 */
import { concatBytes } from '../bytes.ts';
import { sha256 } from '../hash/sha256.ts';
import words from './seed_words.json';

/** Start, end and rule of a hit. */
export type Span = readonly [start: number, end: number, rule: string];

const HIGH = 0xe000;

/** Hits of these rules in a piece of text, in order; of two from one place the longer first. */
export function findHits(bytes: Uint8Array, wanted: ReadonlySet<string>): Span[] {
  const text = textOf(bytes);
  const lowered = lower(text);
  const spans = [
    ...emails(text, lowered), ...phones(text, lowered), ...ids(text, lowered), ...addresses(text), ...identities(text, lowered),
    ...secrets(text, lowered),
  ].filter(([, , rule]) => wanted.has(rule));
  return spans.sort((a, b) => a[0] - b[0] || b[1] - a[1] || (a[2] < b[2] ? -1 : a[2] > b[2] ? 1 : 0));
}

function textOf(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 4096) {
    const codes = Array.from(bytes.subarray(at, at + 4096), (byte) => (byte < 0x80 ? byte : HIGH + byte));
    parts.push(String.fromCharCode(...codes));
  }
  return parts.join('');
}

/** A pattern written as Python's, over bytes: `\xNN` from 0x80 on is moved to where the text has it. */
function compile(source: string, flags = ''): RegExp {
  return new RegExp(source.replace(/\\x([89a-f][0-9a-f])/g, (_, byte: string) => `\\ue0${byte}`), `g${flags}`);
}

/** The text of a pattern for words that are not ASCII, given as themselves. */
function utf8(text: string): string {
  return textOf(new TextEncoder().encode(text));
}

function lower(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** The first hit from `from` on that ends before `end`. */
function searchIn(pattern: RegExp, text: string, from: number, end: number): { start: number; text: string } | null {
  // What stands right before is seen by patterns that look behind them.
  const base = Math.max(0, from - 2);
  pattern.lastIndex = from - base;
  const found = pattern.exec(text.slice(base, end));
  return found === null ? null : { start: base + found.index, text: found[0] };
}

/** A hit that starts exactly there. */
function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  const sticky = new RegExp(pattern.source, pattern.flags.replace('g', 'y'));
  sticky.lastIndex = at;
  return sticky.exec(text);
}

function isLetter(character: string): boolean {
  return /^[A-Za-z]$/.test(character);
}

function distinct(text: string): number {
  return new Set(text).size;
}

/** Where group 1 of a hit stands; patterns have it once in what they match, at its end or with fixed signs behind it. */
function groupSpan(match: RegExpExecArray, group: number): [number, number] {
  return match.indices![group]!;
}

// What stands between a name and its value: JSON, YAML, query strings, XML, Python, HAR, all of it escaped or not.
const SEPARATOR =
  '(?:["\'\\\\]{0,3}\\s{0,3}(?:[:=]|=>|%3[aAdD]|\\xef\\xbc\\x9a|\\xe6\\x98\\xaf)\\s{0,3}["\'\\\\]{0,3}|["\']?>[ \\t]{0,3}' +
  '|["\']\\s{0,2},\\s{0,2}["\']|["\'],\\s{0,2}["\']value["\']\\s{0,2}:\\s{0,2}["\']?)';

// E-mail

const AT = compile('@|%40|&#64;|&#x40;|&commat;|\\\\u0040|\\s?[\\[(]at[\\])]\\s?', 'i');
const SIGN = compile('@');
const OTHER_SIGNS = ['%40', '&#64;', '&#x40;', '&commat;', '\\u0040', '(at)', '[at]'];
const LOCAL = compile('[A-Za-z0-9._%+\\-]{1,64}$');
const DOMAIN = compile('((?:[A-Za-z0-9\\-]{1,63}(?:\\.|\\s?[\\[(]dot[\\])]\\s?)){1,8})([A-Za-z]{2,24})(?![A-Za-z0-9@])');
const NOT_DOMAINS = new Set(
  'png jpg jpeg gif svg webp ico css js mjs json html htm pdf csv txt woff woff2 xml yaml yml log tgz gz map'.split(' '),
);
const RESERVED = new Set('example invalid test localhost local internal'.split(' '));
const ENDS_IN_LETTERS = /(?:\.|dot[\])]\s?)[a-z]{2,24}$/;
const EXAMPLES = /(?:^|\.)example\.(?:com|org|net)$/i;
const ROLES = new Set(
  ('git noreply no-reply donotreply do-not-reply support press info contact hello security abuse admin help ' +
    'webmaster postmaster hostmaster legal privacy compliance media office sales service team').split(' '),
);

function* emails(text: string, lowered: string): Generator<Span> {
  const signs = OTHER_SIGNS.some((sign) => lowered.includes(sign)) ? AT : SIGN;
  for (const at of text.matchAll(signs)) {
    const local = searchIn(LOCAL, text, Math.max(0, at.index - 64), at.index);
    const domain = matchAt(DOMAIN, text, at.index + at[0].length);
    if (local === null || domain === null) continue;
    const name = lower(local.text).replace(/^[.\-_%+]+|[.\-_%+]+$/g, '');
    let host = lower(domain[1]! + domain[2]!);
    let end = domain.index + domain[0].length;
    for (let cut = host.lastIndexOf('.'); cut > 0 && NOT_DOMAINS.has(host.slice(cut + 1)); cut = host.lastIndexOf('.')) {
      // A file's ending behind an address, as in `…@gmail.com.txt`.
      end -= host.length - cut;
      host = host.slice(0, cut);
    }
    if (name === '' || ROLES.has(name) || RESERVED.has(host.slice(host.lastIndexOf('.') + 1))) continue;
    if (!ENDS_IN_LETTERS.test(host) || EXAMPLES.test(host)) continue;
    yield [local.start, end, 'email'];
  }
}

// Phone

const COUNTRIES =
  /^(?:1|7|2[07]|2[1-69]\d|3[0-469]|3[578]\d|4[013-9]|42[013]|5[1-8]|5[09]\d|6[0-6]|6[789]\d|8[1246]|85[02356]|88[06]|9[0-58]|9[679]\d)/;
// The digits are taken as a whole, as many as there are: `(?=(…))\1`.
const INTERNATIONAL = compile(
  '(?<![\\w.+\\-])(?:\\+|00(?=[1-9]\\d?[ \\-(]))(?=[1-9])(?=((?:[ \\-()]{0,2}\\d){9,14}))\\1(?![\\d%])(?![.,]\\d)',
);
// By the shapes that must be there: CN, KR and JP mobiles, TW, HK with its code, North America, the United Kingdom.
const SHAPED = [
  '(?<![\\w.\\-])(?:1[3-9]\\d|01[016789]|0[789]0)([ \\-])\\d{4}\\1\\d{4}(?![\\w\\-])',
  '(?<![\\w.\\-])01[16789]([ \\-])\\d{3}\\1\\d{4}(?![\\w\\-])',
  '(?<![\\w.\\-])09\\d{2}([ \\-])\\d{3}\\1\\d{3}(?![\\w\\-])',
  '(?<![\\w.\\-])\\(?852\\)?[ \\-]{1,2}[5679]\\d{3}[ \\-]?\\d{4}(?![\\w\\-])',
  '(?<![\\w.\\-])(?:\\([2-9]\\d{2}\\) ?|[2-9]\\d{2}-)[2-9]\\d{2}-(?!01\\d\\d)\\d{4}(?![\\w\\-])',
  '(?<![\\w.\\-])07\\d{3} \\d{6}(?!\\d)',
].map((source) => compile(source));
/** Each of `SHAPED` is looked for only where one of these is: the shape of digits is `0`. */
const SHAPES = [
  ['000 0000 0000', '000-0000-0000'],
  ['000 000 0000', '000-000-0000'],
  ['0000 000 000', '0000-000-000'],
  ['000 0000', '000-0000', '000) 0000'],
  ['000-000-0000', '(000) 000-0000', '(000)000-0000'],
  ['00000 000000'],
];
// Bare: eleven digits of a mainland mobile count only in prose; no number has the zeros of KR and TW in front.
const BARE = compile(
  '(?<![\\w.\\-+#])(?:1(?:3\\d|4[5-9]|5[0-35-9]|6[2567]|7[0-8]|8\\d|9[0-35-9])\\d{8}|01[016789]\\d{8}|09\\d{8})' +
    '(?![\\w\\-]|[.,]\\d)',
);
const IN_SUMS = compile('[=+*/(<>$~]\\s?$|\\xe2\\x89\\x88\\s?$|- $');
const AMOUNT_AFTER = compile(
  '\\s?(?:[=+*/<>)%-]|US|usd|BTC|ETH|BNB|wei|KRW|won|yuan|tokens?|shares|contracts|units|bytes|ms|\\xe7\\xbe\\x8e\\xe5\\x85\\x83' +
    '|\\xe5\\x85\\x83|\\xec\\x9b\\x90)',
);
const AFTER_PHONE =
  `(?:[ _-]?(?:no|number))?(?:${SEPARATOR}|\\s{1,2}(?:is\\s)?)(\\+?[(\\d][\\d \\-().]{5,18}\\d)(?![\\w%]|\\.\\d)`;
// On lower-case text, each from fixed letters on.
const BESIDE_PHONE = (
  [
    ['phone', ''], ['mobile', ''], ['cell', ''], ['tel', '(?:ephone)?(?:;[a-z=;,]{1,24}(?=:))?'], ['msisdn', ''], ['whatsapp', ''],
    ['wechat', ''], ['手机', '(?:号)?'], ['电话', ''], ['手機', '(?:號)?'], ['電話', ''], ['휴대폰', ''], ['전화', ''],
  ] as const
).map(([word, rest]) => ({ word: utf8(word), pattern: compile(utf8(word) + utf8(rest) + AFTER_PHONE, 'd') }));
const NUMERIC =
  /id$|^id|time|date|^ts$|stamp|price|qty|quant|amount|amt|vol|trade|order|seq|block|nonce|height|update|size|balance|total|fee|pnl|value|count|close|open|high|low|gas|hash|usd|btc|eth|number|rate|^[a-z]$/i;
const PROSE = compile('[A-Za-z]{3,}[ ,:;.!?]|[\\xe3-\\xed][\\x80-\\xbf]{2}');
const PHONE_NAMES = new Set(['phone', 'mobile', 'tel', 'cell', 'telephone', 'msisdn', 'contact']);

function* phones(text: string, lowered: string): Generator<Span> {
  const shape = text.replace(/[0-9]/g, '0');
  if (shape.includes('+0') || shape.includes('+(0') || text.includes(' 00') || text.includes('"00')) {
    for (const match of text.matchAll(INTERNATIONAL)) {
      const digits = match[0].replace(/\D/g, '');
      if (match[0].startsWith('+')) {
        const bare = /^\d+$/.test(match[0].slice(1));
        if (!COUNTRIES.test(digits) || digits.length < (bare ? 10 : 9) || digits.length > 15) continue;
        const name = nameBefore(text, match.index);
        if (bare && name !== null && NUMERIC.test(name)) continue;
      }
      if (distinct(digits) > 2) yield [match.index, match.index + match[0].length, 'phone'];
    }
  }
  for (const [i, pattern] of SHAPED.entries()) {
    if (!SHAPES[i]!.some((part) => shape.includes(part))) continue;
    for (const match of text.matchAll(pattern)) {
      if (distinct(match[0]) > 4) yield [match.index, match.index + match[0].length, 'phone'];
    }
  }
  for (const match of text.matchAll(BARE)) {
    if (isBarePhone(text, match.index, match[0])) yield [match.index, match.index + match[0].length, 'phone'];
  }
  for (const { word, pattern } of BESIDE_PHONE) {
    if (!lowered.includes(word)) continue;
    for (const match of lowered.matchAll(pattern)) {
      const count = match[1]!.replace(/\D/g, '').length;
      const before = text[match.index - 1] ?? '';
      if (count >= 7 && count <= 15 && !(isLetter(before) && word === 'cell')) yield [...groupSpan(match, 1), 'phone'];
    }
  }
}

function isBarePhone(text: string, start: number, number: string): boolean {
  const end = start + number.length;
  const name = nameBefore(text, start);
  if (name !== null && NUMERIC.test(name)) return false;
  if (number.startsWith('0') || PHONE_NAMES.has((name ?? '').toLowerCase())) return true;
  if (number.includes('0000') || searchIn(IN_SUMS, text, Math.max(0, start - 3), start) !== null) return false;
  if (matchAt(AMOUNT_AFTER, text, end) !== null) return false;
  const before = text.slice(Math.max(0, start - 60), start);
  const after = text.slice(end, end + 60);
  const around = `${before.slice(before.lastIndexOf('\n') + 1)}|${after.split('\n', 1)[0]!}`;
  return [...around.matchAll(PROSE)].length >= 2;
}

// User and order ids

const ID_VALUE = '(?!tok_)(?=[a-z_\\-]{0,48}\\d)([a-z0-9][a-z0-9_\\-]{4,63})(?![\\w.]\\d)';
const AFTER_ID = `(?:${SEPARATOR}|(?:\\s{1,2}(?:is\\s{1,2})?|\\s?#\\s?))${ID_VALUE}`;
// On lower-case text, each from fixed letters on; whether a word starts there is looked at afterwards.
const NAMED_IDS = (
  [
    ['uid', '', 'user-id'], ['user', '[_ -]?(?:id|no|number)', 'user-id'], ['account', '[_ -]?(?:id|no|number)', 'user-id'],
    ['acct', '[_ -]?(?:id|no|number)', 'user-id'], ['member', '[_ -]?(?:id|no|number)', 'user-id'],
    ['customer', '[_ -]?(?:id|no|number)', 'user-id'], ['trader', '[_ -]?id', 'user-id'], ['login', '[_ -]?id', 'user-id'],
    ['用户', '\\s?(?:id|编号)', 'user-id'], ['회원번호', '', 'user-id'],
    ['ord', '(?:er)?[_ -]?(?:link[_ -]?)?(?:id|no|number)', 'order-id'], ['algo', '[_ -]?id', 'order-id'],
    ['withdraw', '(?:al)?[_ -]?(?:order[_ -]?)?id', 'order-id'], ['订单', '\\s?(?:号|编号|id)', 'order-id'],
    ['訂單', '\\s?(?:號|編號|id)', 'order-id'], ['주문번호', '', 'order-id'],
  ] as const
).map(([word, rest, rule]) => ({ word: utf8(word), pattern: compile(utf8(word) + utf8(rest) + AFTER_ID, 'd'), rule }));
const PREFIX = compile('(?:orig|new|client|cl|exchange|parent|algo|stop|sub|binance|_|-| )*$');
const ORDER_PROSE = ['order', '订单', '訂單', '주문'].map((word) => ({
  word: utf8(word),
  pattern: compile(`${utf8(word)}\\s?(?:no\\.?|nr\\.?|number)?\\s?[#:]?\\s?(\\d{8,20})(?![\\w.\\-])`, 'd'),
}));
const SHORT_ID = compile('"([icC])"\\s?:\\s?"?(?!tok_)([A-Za-z0-9][A-Za-z0-9_\\-]{4,63})', 'd');

function* ids(text: string, lowered: string): Generator<Span> {
  for (const { word, pattern, rule } of NAMED_IDS) {
    if (!lowered.includes(word)) continue;
    for (const match of lowered.matchAll(pattern)) {
      if (isId(match[1]!) && isWord(text, lowered, match.index)) yield [...groupSpan(match, 1), rule];
    }
  }
  for (const { word, pattern } of ORDER_PROSE) {
    if (!lowered.includes(word)) continue;
    for (const match of lowered.matchAll(pattern)) {
      if (isWord(text, lowered, match.index)) yield [...groupSpan(match, 1), 'order-id'];
    }
  }
  for (let from = 0; from < text.length; ) {
    const end = text.indexOf('\n', from);
    const line = text.slice(from, end < 0 ? text.length : end);
    if (line.includes('executionReport') || line.includes('ORDER_TRADE_UPDATE')) {
      for (const match of line.matchAll(SHORT_ID)) {
        const [start, stop] = groupSpan(match, 2);
        if (isId(match[2]!)) yield [from + start, from + stop, 'order-id'];
      }
    }
    from += line.length + 1;
  }
}

/** Whether a name starts here: at a capital, behind no letter, or behind the words that such names begin with. */
function isWord(text: string, lowered: string, start: number): boolean {
  const before = lowered[start - 1] ?? '';
  if (!isLetter(before)) return true;
  if (/^[A-Z]$/.test(text[start] ?? '') && !/^[A-Z]$/.test(text[start - 1] ?? '')) return true;
  const found = searchIn(PREFIX, lowered, Math.max(0, start - 24), start);
  return found !== null && found.text !== '' && !isLetter(lowered[found.start - 1] ?? '');
}

/** An id long enough to be one person's or one order's: five digits, not all the same; no date, no hex hash. */
function isId(value: string): boolean {
  const digits = value.replace(/[^0-9]/g, '').length;
  if ((digits < 5 && value.length < 16) || distinct(value) < 3) return false;
  return value.length < 64 && !/^(?:19|20)\d\d-\d\d-\d\d/.test(value);
}

// IP addresses

const IPV4 = compile('\\.\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}(?![\\w\\-]|\\.\\d|(?:/|%2[fF])(?:[12]?\\d|3[01])(?!\\d))');
const IPV4_HEAD = compile('(?<![\\w.\\-/])\\d{1,3}$');
const IPV6 = compile(
  '(?<![0-9A-Za-z:.])[23][0-9A-Fa-f]{1,3}:(?:[0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f]{0,4}(?![0-9A-Za-z:/])',
);
const GROUPS = /:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:/;
const VERSION_BEFORE = compile(
  '(?:\\bv|ver\\.?|version|build|release|firmware|chrome|driver|sdk|oid|section|\\xc2\\xa7|schema|kernel|app)' +
    '[\\s:="\'/_-]{0,4}$',
  'i',
);
const INSIDE = /^[0-9.\-/_A-Za-z]$/;
const PUBLIC = new Set(['8.8.8.8', '8.8.4.4', '1.1.1.1', '1.0.0.1', '9.9.9.9', '114.114.114.114', '1.2.3.4']);
const SPECIAL_4 = [
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/29', '192.0.0.170/31',
  '192.0.2.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '240.0.0.0/4',
].map((network) => {
  const [address, bits] = network.split('/');
  return { start: numberOf(address!.split('.').map(Number)), size: 2 ** (32 - Number(bits)) };
});

function* addresses(text: string): Generator<Span> {
  for (const match of text.matchAll(IPV4)) {
    const head = searchIn(IPV4_HEAD, text, Math.max(0, match.index - 3), match.index);
    if (head === null || INSIDE.test(text[head.start - 1] ?? '')) continue;
    const address = head.text + match[0];
    if (PUBLIC.has(address) || !isGlobal4(address)) continue;
    if (searchIn(VERSION_BEFORE, text, Math.max(0, head.start - 16), head.start) !== null) continue;
    yield [head.start, match.index + match[0].length, 'ip-address'];
  }
  if (!text.includes('::') && !GROUPS.test(text)) return;
  for (const match of text.matchAll(IPV6)) {
    const long = match[0].includes('::') || match[0].split(':').length === 8;
    if (long && isGlobal6(match[0])) yield [match.index, match.index + match[0].length, 'ip-address'];
  }
}

function numberOf(octets: readonly number[]): number {
  return octets.reduce((sum, octet) => sum * 256 + octet, 0);
}

function isGlobal4(address: string): boolean {
  const octets = address.split('.');
  if (octets.some((octet) => octet !== String(Number(octet)) || Number(octet) > 255)) return false;
  const number = numberOf(octets.map(Number));
  return !SPECIAL_4.some(({ start, size }) => number >= start && number < start + size);
}

/** All but 2001::/23 and 2001:db8::/32; false for what is no address. */
function isGlobal6(address: string): boolean {
  const halves = address.split('::');
  if (halves.length > 2) return false;
  const [head, tail] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const groups = head!.length + (tail?.length ?? 0);
  if (halves.length === 1 ? groups !== 8 : groups > 7) return false;
  if ([...head!, ...(tail ?? [])].some((group) => !/^[0-9A-Fa-f]{1,4}$/.test(group))) return false;
  const zeros = Array.from({ length: 8 - groups }, () => '0');
  const [first, second] = [...head!, ...zeros, ...(tail ?? [])].map((group) => parseInt(group, 16));
  return !(first === 0x2001 && (second! < 0x200 || second === 0xdb8));
}

// Identity numbers

const CN = compile('(?<![\\w.])[1-9]\\d{5}(?:19|20)\\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\\d|3[01])\\d{3}[\\dXx](?![\\w])');
const CN_PROVINCES = new Set(
  '11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83'.split(' '),
);
const CN_WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const KR = compile('(?<![\\w.\\-])(\\d{2})(\\d{2})(\\d{2})(-?)([1-8])(\\d{6})(?![\\w\\-])');
const KR_CONTEXT = compile('\\xec\\xa3\\xbc\\xeb\\xaf\\xbc|\\xeb\\x93\\xb1\\xeb\\xa1\\x9d\\xeb\\xb2\\x88\\xed\\x98\\xb8|rrn|resident', 'i');
const KR_WEIGHTS = [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5];
const HK = compile('(?<![\\w])([A-Z]{1,2})(\\d{6})(\\(([\\dA])\\)|[\\dA])(?![\\w])');
const HK_CONTEXT = compile('hkid|identity|id[ _-]?(?:card|no|number)|\\xe8\\xba\\xab\\xe4\\xbb\\xbd|\\xe8\\xad\\x89\\xe8\\x99\\x9f', 'i');
const TW = compile('(?<![\\w.\\-])[A-Z][1289]\\d{8}(?![\\w\\-])');
const TW_LETTERS = 'ABCDEFGHJKLMNPQRSTUVXYWZIO';
const CONTEXT = 48;

function* identities(text: string, lowered: string): Generator<Span> {
  for (const match of text.matchAll(CN)) {
    if (isCn(match[0])) yield [match.index, match.index + match[0].length, 'identity-cn'];
  }
  const shape = text.replace(/[0-9]/g, '0');
  if (shape.includes('000000-0000000') || (shape.includes('0'.repeat(13)) && /[^\x00-\x7f]/.test(text))) {
    for (const match of text.matchAll(KR)) {
      if (isKr(match[0]) && (match[4] !== '' || isBeside(KR_CONTEXT, lowered, match.index))) {
        yield [match.index, match.index + match[0].length, 'identity-kr'];
      }
    }
  }
  for (const match of text.matchAll(HK)) {
    if (isHk(match[0]) && (match[4] !== undefined || isBeside(HK_CONTEXT, lowered, match.index))) {
      yield [match.index, match.index + match[0].length, 'identity-hk'];
    }
  }
  for (const match of text.matchAll(TW)) {
    if (isTw(match[0])) yield [match.index, match.index + match[0].length, 'identity-tw'];
  }
}

function isBeside(pattern: RegExp, text: string, start: number): boolean {
  return searchIn(pattern, text, Math.max(0, start - CONTEXT), start) !== null;
}

function weighed(digits: string, weights: readonly number[]): number {
  return weights.reduce((sum, weight, i) => sum + weight * Number(digits[i]), 0);
}

/** GB 11643: province, date of birth, and the check digit of ISO 7064 mod 11-2. */
function isCn(text: string): boolean {
  if (!CN_PROVINCES.has(text.slice(0, 2))) return false;
  if (!isDate(Number(text.slice(6, 10)), Number(text.slice(10, 12)), Number(text.slice(12, 14)))) return false;
  return '10X98765432'[weighed(text, CN_WEIGHTS) % 11] === text.toUpperCase()[17];
}

/** A date of birth, a digit of century and sex, and the check digit, which numbers since October 2020 lack. */
function isKr(text: string): boolean {
  const digits = text.replace('-', '');
  const year = ('1256'.includes(digits[6]!) ? 1900 : 2000) + Number(digits.slice(0, 2));
  if (!isDate(year, Number(digits.slice(2, 4)), Number(digits.slice(4, 6)))) return false;
  return year >= 2020 || (11 - (weighed(digits, KR_WEIGHTS) % 11)) % 10 === Number(digits[12]);
}

/** One or two letters, six digits, and a check digit mod 11. */
function isHk(text: string): boolean {
  const padded = text.replace(/[()]/g, '').padStart(9);
  let total = 0;
  for (let i = 0; i < 9; i++) {
    const sign = padded[i]!;
    const number = sign === ' ' ? 36 : i === 8 && sign === 'A' ? 10 : parseInt(sign, 36);
    total += (9 - i) * number;
  }
  return total % 11 === 0;
}

/** A letter of the place, a digit of sex, seven digits, and a check digit mod 10. */
function isTw(text: string): boolean {
  const place = TW_LETTERS.indexOf(text[0]!) + 10;
  return weighed(String(place) + text.slice(1), [1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1]) % 10 === 0;
}

function isDate(year: number, month: number, day: number): boolean {
  const date = new Date(Date.UTC(year, month - 1, day));
  // No clock: what is masked today is masked the same in ten years.
  return year >= 1900 && year < 2100 && month >= 1 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

// Names beside values

const NAME_BEFORE = compile(
  '([A-Za-z_][A-Za-z0-9_.\\-]{0,63})(?:["\'\\\\]{0,3}\\s{0,2}(?:[:=]|%3[aAdD])\\s{0,2}|["\']?>)["\'\\\\]{0,3}' +
    '[^"\'=:&;,{}\\[\\]<>\\n]{0,48}$',
);

/** The name that a value beside it stands under: the last `name=`, `"name":` or `<name>` before it on the line. */
function nameBefore(text: string, start: number): string | null {
  const before = text.slice(Math.max(0, start - 130), start);
  NAME_BEFORE.lastIndex = 0;
  return NAME_BEFORE.exec(before.slice(before.lastIndexOf('\n') + 1))?.[1] ?? null;
}

// Secrets

const VALUE = `(?:["'\\s:=]{1,8}|${SEPARATOR})`;
const RULES: readonly (readonly [name: string, pattern: RegExp, needles: readonly string[]])[] = (
  [
    ['private-key', '-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----', '', 'private key'],
    [
      'private-key-hex', `(?:private|priv|secret|signing)[_ -]?key${VALUE}(?:0x)?[0-9a-f]{64}(?![0-9a-f])`, 'i',
      'privatekey|private_key|private-key|private key|privkey|priv_key|secretkey|secret_key|signingkey|signing_key',
    ],
    ['keystore', '"ciphertext"\\s*:\\s*"(?:0x)?[0-9a-f]{32,}"', 'i', '"ciphertext"'],
    ['extended-key', '\\b[xyzt]prv[1-9A-HJ-NP-Za-km-z]{100,112}\\b', '', 'prv'],
    ['exchange-api-key', `x-(?:mbx|bapi|okx)-(?:apikey|api-key)${VALUE}[A-Za-z0-9-]{10,}`, 'i', 'apikey|api-key'],
    [
      'request-signature',
      `(?<![a-z])signature(?:(?:=|%3D)(?!%20|0x[0-9a-f]{130})[A-Za-z0-9%+/=_-]{16,}|${SEPARATOR}[0-9a-f]{64}(?![0-9a-f]))`,
      'i', 'signature',
    ],
    ['listen-key', `listen_?key${VALUE}[A-Za-z0-9]{32,}`, 'i', 'listenkey|listen_key'],
    ['json-web-token', '\\beyJ[A-Za-z0-9_-]{8,}\\.eyJ[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]{8,}', '', 'eyj'],
    [
      'authorization-header', `authorization${VALUE}(?:bearer|basic|token)(?:\\s{1,4}|%20)[A-Za-z0-9._~+/=-]{16,}`, 'i',
      'authorization',
    ],
    [
      'cookie',
      `\\b(?:set-)?cookies?(?:["'\\\\]{0,3}\\s{0,3}[:=]\\s{0,3}|["'\\s]|${SEPARATOR})["'\\\\]{0,3}` +
        '[A-Za-z0-9_.-]{1,64}=[^\\s;"\'\\\\]{8,}',
      'i', 'cookie',
    ],
    [
      'cookie',
      '(?<![A-Za-z0-9])(?:p20t|cr00|jsessionid|phpsessid|sessionid|session_token|csrftoken|connect\\.sid' +
        `|__(?:secure|host)-[a-z0-9_-]{1,40})${SEPARATOR}[A-Za-z0-9._%+/=-]{16,}`,
      'i', 'p20t|cr00|sess|csrftoken|connect.sid|__secure-|__host-',
    ],
    [
      'assigned-secret',
      '(?:api[_-]?(?:key|secret)|secret[_-]?key|client[_-]?secret|access[_-]?token|passw(?:or)?d|passphrase)' +
        `(?:["']?\\s{0,3}[:=]\\s{0,3}["']?|${SEPARATOR})` +
        '(?!tok_|your|change|example|xxxx|\\*\\*\\*|[$<{]|%24|%3c)(?=[A-Za-z0-9+/_.!@#$%^*-]{0,64}[0-9])' +
        '[A-Za-z0-9+/_.!@#$%^&*-]{12,}',
      'i', 'apikey|api_key|api-key|secret|accesstoken|access_token|access-token|passw|passphrase',
    ],
    ...[
      'AKIA[0-9A-Z]{16}', 'gh[pousr]_[A-Za-z0-9]{36,}', 'github_pat_[A-Za-z0-9_]{40,}', 'xox[abposr]-[A-Za-z0-9-]{10,}',
      'AIza[0-9A-Za-z_-]{35}', 'sk_live_[A-Za-z0-9]{16,}', 'rk_live_[A-Za-z0-9]{16,}', 'sk-[A-Za-z0-9_-]{32,}',
      'glpat-[A-Za-z0-9_-]{20,}',
    ].map((source) => ['service-token', source, '', ''] as const),
  ] as const
).map(([name, source, flags, needles]) => [name, compile(source, flags), needles.split('|')]);
const WIF = compile('(?<![1-9A-HJ-NP-Za-km-z])[5KLc9][1-9A-HJ-NP-Za-km-z]{50,51}(?![1-9A-HJ-NP-Za-km-z])');
const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const MIN_SEED_WORDS = 12;
// Twelve words of 3 to 8 letters, close together, where all other signs are taken for spaces.
const SEED_RUN = / a{3,8}(?: {1,8}a{3,8}){11,}/g;
const SEED_WORDS: ReadonlySet<string> = new Set(words.split(' '));

function* secrets(text: string, lowered: string): Generator<Span> {
  for (const [name, pattern, needles] of RULES) {
    if (!needles.some((needle) => lowered.includes(needle))) continue;
    for (const match of text.matchAll(pattern)) yield [match.index, match.index + match[0].length, name];
  }
  for (const match of text.matchAll(WIF)) {
    if (isWif(match[0])) yield [match.index, match.index + match[0].length, 'wallet-import-key'];
  }
  const letters = ' ' + text.replace(/[A-Za-z]/g, 'a').replace(/[^a]/g, ' ');
  for (const match of letters.matchAll(SEED_RUN)) {
    // Behind the added space everything lies one further; the last word may be longer than the pattern takes.
    const rest = /^[A-Za-z]*/.exec(text.slice(match.index + match[0].length - 1))![0].length;
    const run = text.slice(match.index, match.index + match[0].length - 1 + rest);
    for (const [start, end] of seedRuns(run)) yield [match.index + start, match.index + end, 'seed-phrase'];
  }
}

/** True when the checksum of a Bitcoin wallet import key holds: base58, 4 bytes of double SHA-256. */
function isWif(text: string): boolean {
  const size = 'KLc'.includes(text[0]!) ? 38 : 37;
  let number = 0n;
  for (const sign of text) number = number * 58n + BigInt(BASE58.indexOf(sign));
  const hex = number.toString(16).padStart(2 * size, '0');
  if (hex.length > 2 * size) return false;
  const data = Uint8Array.from(hex.match(/../g)!, (byte) => parseInt(byte, 16));
  const check = sha256(sha256(concatBytes(data.subarray(0, -4)))).subarray(0, 4);
  return check.every((byte, i) => data[size - 4 + i] === byte);
}

/** Start and end of each run of at least twelve words of BIP-39. */
function* seedRuns(text: string): Generator<[number, number]> {
  let [start, end, run] = [0, 0, 0];
  for (const match of text.matchAll(/[A-Za-z]+/g)) {
    if (SEED_WORDS.has(match[0].toLowerCase())) {
      if (run === 0) start = match.index;
      run += 1;
      end = match.index + match[0].length;
      continue;
    }
    if (run >= MIN_SEED_WORDS) yield [start, end];
    run = 0;
  }
  if (run >= MIN_SEED_WORDS) yield [start, end];
}
