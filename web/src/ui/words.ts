/** A report in the reader's language: every sentence here comes from the messages, and only says what its checks say. */
import { checkName, type Messages } from './i18n/index.ts';
import { areaInChinese, noteInChinese, subjectInChinese, valueInChinese } from './i18n/notes.ts';
import type { AnchorJson, ReportCheck, ReportJson, RungJson, Status } from './report-json.ts';
import { isolated, visible } from './visible.ts';

const CODE = /^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$/;
/** Codes whose subject is the name of a file or another name of somebody's. */
const NAMED =
  /^(bytes|package\.(missing|unlisted)|withheld:|reference:|reveal|redaction|finding:|record\.|history\.other_bundle|availability|content_id)/;
/** What a note says to those who use the command line. */
const COMMAND =
  /(?:\. If you have reason to believe it| If the publisher told you, by another way, that it is theirs|\. If you believe that authority, and have its root certificate by another way): archive trust add .*$/s;
const CHAINS: Readonly<Record<string, string>> = {
  '56 0x0d21840abff46b96c84b2ac9e10e4f5cdaeb5693cb665db62a2f3b02d2d57b5b': 'BNB Smart Chain',
  '97 0x6d3c66c5357ec91d5c43af47e234a939b22557cbb552dc45bebbceeed90fbe34': 'BNB Smart Chain testnet',
};

export function checkTitle(m: Messages, check: ReportCheck): string {
  return checkName(m, check.code);
}

export function noteText(
  m: Messages,
  check: { readonly note: string | null; readonly found: string | null; readonly code: string },
): string | null {
  if (check.note === null || check.note === '') return null;
  if (m.lang === 'en') return visible(check.note.replace(COMMAND, ''));
  const said = noteInChinese(check.note);
  if (said !== null) return said;
  const code = check.found !== null && CODE.test(check.found) ? check.found : check.code;
  const area = areaInChinese(code);
  return area === null ? m.numbers.inJson : `${area}（${code}）。${m.numbers.inJson}`;
}

export function subjectText(m: Messages, check: ReportCheck): string {
  if (m.lang === 'en') return visible(check.subject);
  const mayBeName =
    NAMED.test(check.code) &&
    !['bundle', 'evidence', 'withheld item'].includes(check.subject) &&
    !(check.code === 'content_id' && check.subject === 'directory');
  return (mayBeName && check.code !== 'reveal.row' ? null : subjectInChinese(check.subject)) ?? visible(check.subject);
}

export function valueText(m: Messages, value: string | null): string {
  if (value === null) return '–';
  return (m.lang === 'en' ? null : valueInChinese(value)) ?? visible(value);
}

export function moment(m: Messages, seconds: number): string {
  const date = new Date(seconds * 1000);
  if (!Number.isFinite(date.getTime())) return `${seconds}`;
  return `${day(m, date)} ${date.toISOString().slice(11, 19)} UTC`;
}

export function day(m: Messages, date: Date): string {
  return new Intl.DateTimeFormat(m.lang === 'en' ? 'en-GB' : m.lang, { dateStyle: 'long', timeZone: 'UTC' }).format(date);
}

export function bytesText(m: Messages, size: number): string {
  const units = ['kB', 'MB', 'GB', 'TB'];
  if (size < 1000) return m.files.bytes(size);
  let value = size;
  let unit = -1;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

type Chain = Pick<AnchorJson, 'chain_id' | 'genesis'>;

/** The name of a public chain, by number and first block; null for any other. */
export function publicChain(anchor: Chain): string | null {
  return CHAINS[`${anchor.chain_id} ${anchor.genesis}`] ?? null;
}

export function chainName(m: Messages, anchor: Chain): string {
  return publicChain(anchor) ?? m.numbers.chainNumbered(anchor.chain_id);
}

/** Evidence files that were given and right, and all there are. */
export function counts(report: ReportJson): { readonly good: number; readonly all: number } {
  const told = report.checks.find((c) => c.code === 'package.complete');
  return { good: Number(told?.found ?? 0), all: Number(told?.expected ?? 0) };
}

/** The anchor that the ladder speaks of: the one whose grade it shows, else the first. */
export function ladderAnchor(report: ReportJson): AnchorJson | null {
  const grade = report.ladder.find((rung) => rung.rung === 'chain')?.trust ?? null;
  return report.anchors.find((a) => grade !== null && a.grade === grade) ?? report.anchors[0] ?? null;
}

/** Whom one believes for a rung. */
export function believed(m: Messages, report: ReportJson, rung: RungJson): string {
  const on = m.ladder.on;
  // What holds for a rung that holds would be said of nothing here.
  if (rung.status !== 'pass') {
    if (rung.rung === 'inclusion') return on.inclusionNone;
    if (rung.rung === 'registry') return on.registryNone;
    if (rung.rung === 'origin') return on.originNone;
    if (rung.rung === 'final') return on.finalNone;
  }
  const passed = (code: string): boolean => report.checks.some((c) => c.code === code && c.status === 'pass');
  const anchor = ladderAnchor(report);
  const state = passed('anchor.state_entry');
  switch (rung.rung) {
    case 'bytes':
    case 'package':
      return on.hashes;
    case 'inclusion':
      return state ? on.inclusionState : on.inclusion;
    case 'registry':
      return !passed('chain.code') ? on.registryOpen : state ? on.registryProof : on.registryNodes;
    case 'origin':
      return on.origin;
    case 'chain': {
      const noTime = anchor?.time_proved === false && anchor.header_agreed ? ` ${on.noTime}` : '';
      return chainBelief(m, anchor, rung) + noTime;
    }
    case 'final':
      if (anchor?.consensus) return on.finalSigned;
      return rung.status === 'pass' && rung.trust === null && anchor?.grade === 'workspace' ? on.finalWorkspace : on.finalNodes;
    case 'clocks': {
      const names = [...new Set(report.clocks.filter((c) => c.kind === 'rfc3161' || c.kind === 'bitcoin').map((c) => c.name))];
      return names.length ? on.clocksNamed(names) : on.clocks;
    }
  }
}

function chainBelief(m: Messages, anchor: AnchorJson | null, rung: RungJson): string {
  const on = m.ladder.on;
  if (rung.trust === 'consensus' && anchor?.consensus) {
    const { votes, validators, set } = anchor.consensus;
    return on.chainConsensus(votes, validators, set.source, set.as_of);
  }
  if (rung.trust === 'workspace') return on.chainWorkspace;
  if (rung.trust === 'rpc') return on.chainRpc;
  if (rung.trust === 'rpcs' && anchor?.nodes) return on.chainRpcs(anchor.nodes.agreed, anchor.nodes.asked, anchor.nodes.needed);
  return on.chainNone;
}

/** What a reader must not miss, whatever the verdict: it was taken back, there is a later revision, clocks contradict each other. */
export function notices(m: Messages, report: ReportJson): string[] {
  const told = (c: ReportCheck): boolean =>
    (c.code === 'history.retracted' && c.found !== null && c.status !== 'pass') ||
    c.code === 'history.superseded' ||
    (c.code === 'time.clocks' && c.status !== 'pass');
  return report.checks.filter(told).map((c) => noteText(m, c) ?? checkTitle(m, c));
}

export interface Points {
  readonly shown: readonly string[];
  readonly open: readonly string[];
  readonly failed: readonly string[];
}

/** What was shown, what was not, and what does not fit. Where something fails, nothing counts as shown. */
export function points(m: Messages, report: ReportJson): Points {
  const p = m.proved;
  const codes = (status: Status): Set<string> => new Set(report.checks.filter((c) => c.status === status).map((c) => c.code));
  const failed = report.checks.filter((c) => c.status === 'fail').map((c) => failedText(m, c));
  return {
    shown:
      report.verdict === 'fail'
        ? []
        : [...shownFiles(m, report, codes('pass')), ...shownAnchors(m, report), ...shownClocks(m, report), ...restsOn(m, report)],
    open: [...openPoints(m, report, codes('unchecked')), p.never],
    failed,
  };
}

function failedText(m: Messages, check: ReportCheck): string {
  const note = noteText(m, check);
  return `${checkTitle(m, check)} (${isolated(subjectText(m, check))})${note === null ? '' : m.colon + note}`;
}

function shownFiles(m: Messages, report: ReportJson, passed: ReadonlySet<string>): string[] {
  if (report.incident === null || report.revision === null || !passed.has('bytes') || !passed.has('merkle')) return [];
  const { good } = counts(report);
  return [good > 0 ? m.proved.files(good, report.incident, report.revision) : m.proved.record(report.incident, report.revision)];
}

function shownAnchors(m: Messages, report: ReportJson): string[] {
  const p = m.proved;
  return report.anchors
    .filter((a) => a.header_agreed)
    .map((a) => {
      const name = a.publisher_name ?? a.publisher;
      const who = ofPublisher(report, a) ? name : p.inTheNameOf(name);
      if (a.time_proved === false) return p.anchoredPrivate(who, chainName(m, a), a.block);
      return (a.time_proved ? p.anchored : p.anchoredIf)(who, chainName(m, a), a.block, moment(m, a.timestamp));
    });
}

/** Does its signature, or a registry that the reader trusts, say that the publisher anchored it? Any contract can say so. */
function ofPublisher(report: ReportJson, anchor: AnchorJson): boolean {
  const about = report.checks.filter(
    (c) => c.code === 'origin.publisher' && c.found === anchor.publisher && c.subject.endsWith(`block ${anchor.block}`),
  );
  return anchor.registry_name !== null || (about.length > 0 && about.every((c) => c.status === 'pass'));
}

function shownClocks(m: Messages, report: ReportJson): string[] {
  const p = m.proved;
  const stamps = report.clocks.filter((c) => c.kind === 'rfc3161' || c.kind === 'bitcoin');
  const early = report.interval.no_earlier_than;
  const disagree = report.interval.disagree.length > 0;
  return [
    ...(stamps.length
      ? [
          p.stamped(
            stamps.map((c) => p.noLater(moment(m, c.timestamp + (c.bound === 'no_later' ? c.margin : -c.margin)), c.name)),
          ),
        ]
      : []),
    ...(disagree ? [p.disagree] : early ? [p.notEarlier(moment(m, early.timestamp), early.clock)] : []),
  ];
}

function restsOn(m: Messages, report: ReportJson): string[] {
  const agreed = report.anchors.filter((a) => a.header_agreed);
  const signed = agreed.find((a) => a.consensus)?.consensus;
  if (signed) return [m.proved.validators(signed.votes, signed.validators)];
  return agreed.some((a) => a.grade === 'rpc') ? [m.proved.oneNode] : [];
}

function openPoints(m: Messages, report: ReportJson, unchecked: ReadonlySet<string>): string[] {
  const p = m.proved;
  const { good, all } = counts(report);
  const bad = new Set(report.checks.filter((c) => c.code === 'bytes' && c.status === 'fail').map((c) => c.subject)).size;
  const number = (prefix: string): number => [...unchecked].filter((code) => code.startsWith(prefix)).length;
  const missing = report.checks.filter((c) => c.code === 'package.missing').length || Math.max(0, all - good - bad);
  const unlisted = report.checks.filter((c) => c.code === 'package.unlisted' && c.status === 'unchecked').map((c) => c.subject);
  const unmatched = report.checks
    .filter((c) => c.code === 'bytes' && c.status === 'unchecked' && c.subject !== 'evidence')
    .map((c) => c.subject);
  // A policy may do without a check; that it was not made is told all the same.
  const lacks = (code: string): boolean =>
    report.lacking.includes(code) || !report.checks.some((c) => c.code === code && c.status === 'pass');
  const claimed = ladderAnchor(report);
  const rows: readonly (readonly [boolean, string])[] = [
    [missing > 0, p.missing(missing, all)],
    [unlisted.length > 0, p.unlisted(unlisted.length, unlisted.slice(0, QUOTED_NAMES))],
    [unmatched.length > 0, p.unmatched(unmatched.length, unmatched.slice(0, QUOTED_NAMES))],
    [lacks('anchor.log'), p.noAnchor],
    [lacks('chain.header'), claimed && !claimed.header_agreed ? p.noBlockClaimed(moment(m, claimed.timestamp)) : p.noBlock],
    [lacks('anchor.registry'), p.noRegistry],
    [lacks('origin.trusted'), p.noTrusted],
    [lacks('origin.publisher'), p.noPublisher],
    [report.checks.some((c) => c.code === 'chain.final' && c.status === 'unchecked' && c.found !== null), p.notFinal],
    [unchecked.has('chain.other_history'), p.otherHistory],
    [number('withheld:') > 0, p.withheld(number('withheld:'))],
    [number('reference:') > 0, p.referenced(number('reference:'))],
    [number('finding:') > 0, p.findings(number('finding:'))],
    [report.checks.some((c) => c.code === 'history.retracted' && c.status !== 'pass' && c.found !== null), p.retracted],
    [unchecked.has('history.superseded'), p.superseded],
    [!unchecked.has('history.superseded') && unchecked.has('history.current'), p.current],
    [!report.checks.some((c) => c.code === 'time.stamps' && c.status === 'pass'), p.noClock],
    [[...unchecked].some((code) => code.includes('unknown') || code === 'package.format'), p.unknown],
  ];
  return rows.filter(([holds]) => holds).map(([, text]) => text);
}

const QUOTED_NAMES = 3;

/** A paragraph that can be quoted: who gave what, what was shown, what was not. */
export function quotation(m: Messages, report: ReportJson, names: readonly string[], now: Date): string {
  const q = m.quote;
  const { shown, open, failed } = points(m, report);
  const never = m.proved.never;
  const parts = [
    q.opening(day(m, now), names.slice(0, QUOTED_NAMES), Math.max(0, names.length - QUOTED_NAMES)),
    shown.length
      ? q.shown(shown)
      : report.incident !== null && report.revision !== null
        ? q.package(report.incident, report.revision)
        : null,
    report.root === null ? null : q.root(report.root),
    failed.length ? q.failed(failed.slice(0, 5)) : null,
    open.length > 1 ? q.notShown(open.filter((point) => point !== never)) : null,
    q.closing,
  ];
  return parts.filter((part) => part !== null).join(m.lang === 'zh' ? '' : ' ');
}

export interface FileRow {
  readonly name: string;
  readonly state: 'good' | 'bad' | 'absent' | 'open' | 'unlisted' | 'withheld' | 'revealed' | 'reference';
  readonly check: ReportCheck;
}

/** The files that a report speaks of, wrong ones first. */
export function fileRows(report: ReportJson): FileRow[] {
  const state = (c: ReportCheck): FileRow['state'] | null => {
    if (c.code === 'bytes')
      return c.subject === 'evidence' && c.status === 'unchecked'
        ? null
        : c.status === 'pass'
          ? 'good'
          : c.status === 'fail'
            ? 'bad'
            : 'open';
    if (c.code === 'package.missing') return 'absent';
    if (c.code === 'package.unlisted') return 'unlisted';
    if (c.code.startsWith('withheld:')) return c.status === 'pass' ? 'revealed' : 'withheld';
    if (c.code.startsWith('reference:')) return c.status === 'pass' ? 'good' : 'reference';
    if (c.code === 'reveal.bytes') return c.status === 'pass' ? 'good' : c.status === 'fail' ? 'bad' : 'absent';
    return null;
  };
  const rows = report.checks.flatMap((check): FileRow[] => {
    const found = state(check);
    return found === null ? [] : [{ name: check.subject, state: found, check }];
  });
  const weight = (row: FileRow): number =>
    row.check.status === 'fail'
      ? 0
      : row.state === 'open' || row.state === 'unlisted'
        ? 1
        : row.state === 'good' || row.state === 'revealed'
          ? 2
          : 3;
  return rows
    .map((row, i) => ({ row, i }))
    .sort((a, b) => weight(a.row) - weight(b.row) || a.i - b.i)
    .map(({ row }) => row);
}
