// A dossier whose every text tries to run, to end an element, to hide, to turn the reading direction, or to pass as another name.
// Direction overrides (U+202A to U+202E) are refused in records, so they stand only in the evidence.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const HOSTILE_ID = '2025-01-hostile';
const RUN = 'window.__marker=1;alert(1)';
// Each would set the marker, open a dialog or ask another host, in one of the places where text can end up.
const TRAPS = [
  `<script>${RUN}</script>`,
  `"><img src=x onerror="${RUN}">`,
  `' autofocus onfocus='${RUN}' x='`,
  `</title></style></textarea></script><script>${RUN}</script>`,
  `<svg/onload=${RUN}>`,
  `javascript:${RUN}`,
  `{{7*7}}{% import os %}\${7*7}#{7*7}`,
  `]]><!--<iframe srcdoc="<script>parent.__marker=1</script>">`,
  `<a href="javascript:${RUN}">click</a><base href="https://evil.example/"><meta http-equiv=refresh content="0;url=https://evil.example/">`,
  `<link rel=stylesheet href=https://evil.example/a.css><style>@import 'https://evil.example/b.css'</style>`,
  `</script><img src=https://evil.example/c.png>`,
];
let turn = 0;
const trap = (word: string): string => `${word} ${TRAPS[turn++ % TRAPS.length]}`;
/** In every language, so that no page can show another one. */
const both = (word: string): Record<string, string> => ({ en: trap(word), 'zh-Hans': trap(word) });

/** Reasons of retractions, and the name under which somebody keeps a key. */
export const HOSTILE_REASONS = [`<script>${RUN}</script><img src=https://evil.example/f.png onerror="${RUN}">`, `"><svg onload=${RUN}></svg>' B\u0456nance`] as const;

const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40" onload="${RUN}"><script>${RUN}</script><image href="https://evil.example/d.png"/><foreignObject><body xmlns="http://www.w3.org/1999/xhtml"><script>${RUN}</script></body></foreignObject></svg>`;
const HTML = `<!doctype html><script>${RUN}</script><img src=https://evil.example/e.png onerror="${RUN}"><meta http-equiv="refresh" content="0;url=https://evil.example/">`;
const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');

const FILES: readonly (readonly [id: string, name: string, mediaType: string, data: string | Buffer])[] = [
  ['svg', 'picture.svg', 'image/svg+xml', SVG],
  ['html', 'page.html', 'text/html', HTML],
  ['xhtml', 'page.xhtml', 'application/xhtml+xml', `<html xmlns="http://www.w3.org/1999/xhtml"><body><script>${RUN}</script></body></html>`],
  ['script', 'run.js', 'text/javascript', RUN],
  ['table', 'table.csv', 'text/csv', `"<script>${RUN}</script>",=HYPERLINK("https://evil.example/")\n"<img src=x onerror=${RUN}>",\u202etxt.exe\n`],
  ['lines', 'lines.txt', 'text/plain', `<script>${RUN}</script>\n</pre></code><svg onload=${RUN}>\n`],
  ['json', 'data.json', 'application/json', `{"a":"</script><script>${RUN}</script>"}\n`],
  ['disguised', 'disguised.png', 'image/png', PNG],
  // Two names that look alike: the second has a Cyrillic a.
  ['alike-1', 'balance.csv', 'text/csv', 'a,b\n1,2\n'],
  ['alike-2', 'b\u0430lance.csv', 'text/csv', 'a,b\n1,3\n'],
];

/** Writes the dossier below `folder` and returns its path; with the root of its first revision, the second: every text is another one. */
export function writeHostileDossier(folder: string, previous?: string): string {
  turn = previous === undefined ? 0 : 1;
  const dossier = join(folder, HOSTILE_ID);
  mkdirSync(join(dossier, 'evidence'), { recursive: true });
  for (const [, name, , data] of FILES) writeFileSync(join(dossier, 'evidence', name), data);
  const sources = ['post'];
  const record = {
    schema_version: '1',
    id: HOSTILE_ID,
    title: both('Title'),
    summary: both('Summary \u200f\u05d0\u05d1\u05d2 \u061c\u200bhidden\u00ad\u{e0041}'),
    aliases: [trap('alias'), 'B\u0456nance', '\u05d1\u05d9\u05e0\u05e0\u05e1 \u200f(abc)'],
    related: ['2025-01-other', 'https://evil.example/"onmouseover="window.__marker=1'.replace(/"/g, '%22')],
    occurred: { start: '2025-01-02T03:04:00+08:00', end: '2025-01-02T05:06:00+08:00', precision: 'minute', time_zone: trap('UTC+8'), note: both('note') },
    venues: [{ id: 'venue', name: { en: 'Bin\u0430nce \u200eecnanib', 'zh-Hans': trap('交易所') }, kind: trap('exchange'), operator: 'party', url: 'https://evil.example/?a=%22%3E', roles: [{ text: both('role'), alleged: true, sources }], note: both('note') }],
    parties: [{ id: 'party', name: both('Party'), kind: trap('person'), roles: [{ text: both('role'), alleged: true }], note: both('note') }, { id: 'other-party', name: both('Other'), kind: 'organisation' }],
    timeline: [
      { id: 'first', at: '2025-01-02T03:05:00+08:00', precision: 'minute', time_zone: trap('zone'), text: both('First'), venues: ['venue'], parties: ['party'], sources, evidence: ['svg'], note: both('note') },
      { id: 'second', start: '2025-01-02T03:10:00+08:00', end: '2025-01-02T04:10:00+08:00', precision: 'minute', text: both('Second'), sources },
    ],
    claims: [
      { id: 'claim', text: both('Claim'), quote: { 'zh-Hant': trap('引'), en: trap('quote') }, claimed_by: ['party'], status: 'contradicted', evidence_for: ['table'], contradicted_by: ['answer'], sources, note: both('note') },
      { id: 'answer', text: both('Answer'), claimed_by: ['venue'], status: 'disputed', relations: [{ type: 'responds_to', claim: 'claim', note: both('note') }], sources },
    ],
    statements: [{ id: 'statement', party: 'venue', versions: [{ made_at: '2025-01-03', text: both('Once'), quote: { en: trap('once') }, sources, note: both('note') }, { seen_at: '2025-01-04', text: both('Later'), sources }], note: both('note') }],
    commitments: [{ id: 'commitment', by: ['venue'], to: both('to'), text: both('Promise'), quote: { en: trap('promise') }, made_at: '2025', sources, note: both('note') }],
    figures: [
      { id: 'figure', metric: trap('metric'), label: both('Label'), value: '100', unit: trap('percent'), bound: 'estimate', instrument: trap('X'), venue: 'venue', claimed_by: ['party'], sources, disputes: ['figure-2'], note: both('note') },
      { id: 'figure-2', metric: 'other', value: '1', value_to: '2', unit: 'USD', bound: 'lower', claimed_by: ['venue'], sources, disputes: ['figure'] },
    ],
    remedies: [{ id: 'remedy', by: ['venue'], to: both('to'), what: both('what'), terms: both('terms'), status: 'announced', sources, note: both('note') }],
    demands: [{ id: 'demand', by: ['party'], to: ['venue'], text: both('Demand'), answers: [{ kind: 'refusal', by: ['venue'], at: '2025-02', text: both('No'), sources }], sources, note: both('note') }],
    questions: [{ id: 'question', by: ['party'], text: both('Why'), about: ['claim'], sources }],
    findings: [{ id: 'finding', title: both('Finding'), method: 'order-rejections@1', not_recomputable: 'inputs not published', about: ['figure'], note: both('note') }],
    evidence: [
      ...FILES.map(([id, name, mediaType]) => ({
        id, kind: id.startsWith('alike') || id === 'table' ? 'dataset' : 'document', title: both('Evidence'), path: `evidence/${name}`, media_type: mediaType, licence: trap('CC-BY-4.0'),
        captured: { at: '2025-01-05', by: trap('by'), how: both('how') }, custody: [{ at: '2025-01-06', actor: trap('actor'), action: both('action') }], sources, note: both('note'),
      })),
      { id: 'referenced', kind: 'document', title: both('Referenced'), media_type: 'text/plain', reference: { sha256: '0'.repeat(63) + '3', size: 5911 } },
    ],
    references: [{ id: 'post', type: 'post', title: both('Post'), author: trap('author'), url: 'https://evil.example/post', archived_url: 'https://evil.example/copy', language: 'en', note: both('note') }],
    credits: [{ name: trap('Writer'), role: 'author', contact: trap('contact') }],
    contact: { name: trap('name'), url: 'https://evil.example/contact', text: both('contact') },
    licence: trap('licence'),
    reviews: [{ evidence: 'disguised', by: trap('reviewer'), at: '2025-01-07', what: trap('one pixel') }],
    revision: previous === undefined ? 1 : 2,
    ...(previous === undefined ? {} : { supersedes: previous }),
    revisions: [{ revision: 1, at: '2025-03-01', reason: both('First') }, ...(previous === undefined ? [] : [{ revision: 2, at: '2025-03-02', reason: both('Second') }])],
  };
  writeFileSync(join(dossier, 'incident.json'), JSON.stringify(record, null, 1));
  return dossier;
}
