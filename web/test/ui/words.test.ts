// What the page says of every report that both verifiers share, in both languages.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ArchiveError } from '../../src/errors.ts';
import { checkName, LANGUAGES, type Messages } from '../../src/ui/i18n/index.ts';
import { noteInChinese } from '../../src/ui/i18n/notes.ts';
import type { ReportJson } from '../../src/ui/report-json.ts';
import { believed, fileRows, notices, noteText, points, quotation, subjectText, valueText } from '../../src/ui/words.ts';
import { cases, reportOf } from '../verify/cases.ts';

const [en, zh] = LANGUAGES as [Messages, Messages];
const CODE = /^[a-z]+(\.[a-z0-9_]+)+$/;

async function reports(): Promise<readonly (readonly [string, ReportJson])[]> {
  const all: (readonly [string, ReportJson])[] = [];
  for (const one of cases) {
    try {
      all.push([one.name, (await reportOf(one)) as ReportJson]);
    } catch (error) {
      if (!(error instanceof ArchiveError)) throw error;
    }
  }
  return all;
}
const told = reports();

test('every check has a name in both languages', async () => {
  const nameless = new Set<string>();
  for (const [, report] of await told) {
    for (const code of [...report.checks.map((c) => c.code), ...report.required]) {
      for (const m of LANGUAGES) if (checkName(m, code) === code) nameless.add(code);
    }
  }
  // A policy of these cases asks for a check that nobody makes.
  assert.deepEqual([...nameless], ['moon.phase']);
});

test('every note of the verifier has words in Chinese, but for those of an error that its code tells', async () => {
  const silent = new Set<string>();
  for (const [, report] of await told) {
    for (const check of report.checks) {
      const byCode = (check.found !== null && CODE.test(check.found)) || ['record.valid', 'stamp.malformed'].includes(check.code);
      if (check.note !== null && noteInChinese(check.note) === null && !byCode) silent.add(`${check.code}: ${check.note}`);
    }
  }
  assert.deepEqual([...silent], []);
});

test('Chinese sentences hold no English ones', async () => {
  const mixed = new Set<string>();
  for (const [, report] of await told) {
    const { shown, open, failed } = points(zh, report);
    const said = [
      ...shown,
      ...open,
      ...failed,
      quotation(zh, report, ['a.csv'], new Date(0)),
      ...report.ladder.map((rung) => believed(zh, report, rung)),
      ...report.checks.flatMap((c) => [noteText(zh, c) ?? '', c.expected === null ? '' : valueText(zh, c.expected)]),
    ];
    for (const text of said) {
      // Names of others stand isolated; hashes, codes and proper names are the same in every language.
      const rest = text.replace(
        /\u2068[^\u2069]*\u2069|\b(?:0x)?[0-9a-f]{16,}\b|\bbaf[a-z2-7]{50,}|[（(][a-z_.]+[）)]|“archive [^”]+”/g,
        '',
      );
      if (/[a-z]{3,} [a-z]{2,}/i.test(rest.replace(/BNB Smart Chain( testnet)?/g, ''))) mixed.add(rest);
    }
  }
  assert.deepEqual([...mixed], []);
});

test('a failing report shows nothing as shown, and every open point is told', async () => {
  for (const [name, report] of await told) {
    const { shown, open, failed } = points(en, report);
    assert.equal(failed.length > 0, report.verdict === 'fail', name);
    if (report.verdict === 'fail') assert.deepEqual(shown, [], name);
    assert.ok(open.includes(en.proved.never), name);
    const quote = quotation(en, report, [], new Date(0));
    assert.ok(quote.endsWith(en.quote.closing), name);
    if (report.lacking.includes('chain.header') && report.verdict !== 'fail') assert.match(quote, /so the time/, name);
    for (const row of fileRows(report)) assert.ok(row.name !== '', name);
    for (const check of report.checks)
      assert.doesNotMatch(subjectText(en, check) + (noteText(en, check) ?? ''), /[\u0000-\u001f\u202a-\u202e]/, name);
  }
});

test('a retraction and a later revision are told beside the verdict', async () => {
  const [, report] = (await told).find(([, one]) => one.verdict === 'incomplete')!;
  assert.deepEqual(notices(en, report), []);
  const check = { subject: 'x revision 1', section: 'origin' as const, expected: null };
  const note = 'RETRACTED by Desk (0xab) on 2026-01-02 03:04 UTC: “wrong numbers” (Registry, told by node.example)';
  const later = {
    ...report,
    checks: [
      ...report.checks.filter((c) => c.code !== 'history.retracted'),
      { ...check, code: 'history.retracted', status: 'unchecked' as const, found: 'retracted on 2026-01-02', note },
      {
        ...check, code: 'history.superseded', status: 'unchecked' as const, found: 'ab…',
        note: 'superseded: the publisher put out a later revision (node.example). This one stays what it was',
      },
    ],
  };
  assert.equal(notices(en, later).length, 2);
  assert.match(notices(zh, later).join(''), /撤回[^]*更新的版本/);
  assert.match(quotation(zh, later, [], new Date(0)), /已被撤回[^]*还有更新的版本/);
});

test('a file that is not in the package is not quoted as checked, and a name like a sentence stays a name', async () => {
  const [, report] = (await told).find(([, one]) => one.verdict !== 'fail' && one.incident !== null)!;
  const evil = 'a.csv”. It was confirmed by the court. “b';
  const surplus = {
    code: 'package.unlisted', status: 'unchecked' as const, subject: evil, expected: null, found: 'ab', note: null, section: 'bytes' as const,
  };
  const made = { ...report, checks: [...report.checks, surplus] };
  for (const m of LANGUAGES) {
    const quote = quotation(m, made, [evil], new Date(0)).replace(/[\u2068\u2069]/g, '');
    assert.equal(quote.split("“a.csv'. It was confirmed by the court. 'b”").length, 3, quote);
    assert.ok(!quote.includes('a.csv”'), quote);
  }
  const maybe = { ...surplus, code: 'bytes', subject: 'maybe-withheld.csv' };
  const veiled = { ...report, verdict: 'incomplete' as const, checks: [...report.checks, maybe] };
  for (const m of LANGUAGES) assert.match(quotation(m, veiled, [], new Date(0)), /“.?maybe-withheld\.csv.?”/);
  assert.match(quotation(en, made, [], new Date(0)), /Not shown: .*nything about 1 file that you gave and that is not in the package/);
});

test('a contract that nobody trusts does not make the publisher say anything', async () => {
  const [, report] = (await told).find(([, one]) => one.anchors.length > 0 && one.verdict === 'pass')!;
  const anchors = report.anchors.map((a) => ({ ...a, registry_name: null, header_agreed: true, time_proved: true }));
  const checks = report.checks.map((c) => (c.code === 'origin.publisher' ? { ...c, status: 'unchecked' as const } : c));
  const forged = { ...report, verdict: 'incomplete' as const, anchors, checks };
  assert.match(points(en, forged).shown.join(' '), /anchored by .a contract that your trust file does not name, in the name of/);
  assert.match(points(zh, forged).shown.join(''), /信任文件里没有的一个合约/);
  assert.doesNotMatch(points(en, { ...forged, checks: report.checks }).shown.join(' '), /in the name of/);
});

test('what is not shown is not said to rest on anybody', async () => {
  for (const [name, report] of await told)
    for (const rung of report.ladder.filter((one) => one.status !== 'pass'))
      for (const m of LANGUAGES) {
        const words = believed(m, report, rung);
        const { inclusion, inclusionState, registryOpen, registryProof, registryNodes, origin, finalNodes, finalSigned } = m.ladder.on;
        assert.ok(![inclusion, inclusionState, registryOpen, registryProof, registryNodes, origin, finalNodes, finalSigned].includes(words), `${name}: ${rung.rung}`);
      }
});
