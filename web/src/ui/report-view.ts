/** The report as elements: verdict, ladder, what was shown and not, files, and all checks. Saved reports are made of the same. */
import { type Child, code, factList, foreign, h } from './dom.ts';
import { checkName, type Messages } from './i18n/index.ts';
import type { AbsenceResult, AnchorDetail, Details, Failure, LeafDetail } from './protocol.ts';
import type { AnchorJson, ReportCheck, ReportJson, RungJson, Status, Verdict } from './report-json.ts';
import {
  believed,
  chainName,
  checkTitle,
  counts,
  fileRows,
  type FileRow,
  moment,
  notices,
  noteText,
  points,
  subjectText,
  valueText,
} from './words.ts';
import { hasHidden, mixesAlphabets } from './visible.ts';

const MARKS: Readonly<Record<Status, string>> = { pass: '✓', fail: '✕', unchecked: '?' };
const ROWS_AT_ONCE = 100;
/** More points than anybody reads are counted; the files and checks below name them all. */
const POINTS = 20;
/** Failed checks of a rung count by their family too, as the verifier has it. */
const FAMILIES: Readonly<Record<string, readonly string[]>> = {
  bytes: ['package.', 'reveal', 'withheld:', 'reference:', 'redaction.'],
  package: ['manifest.', 'record', 'target'],
  inclusion: ['anchor.'],
  registry: ['chain.code', 'chain.other_history'],
  origin: ['anchor.tx_', 'anchor.sender', 'anchor.calldata', 'origin.', 'history.', 'policy.'],
  chain: ['chain.consensus', 'chain.node'],
  final: [],
  clocks: ['stamp.', 'time.'],
};
const ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  inclusion: ['anchor.registry', 'anchor.tx_', 'anchor.sender', 'anchor.calldata'],
};

function badge(m: Messages, status: Status, word = m.status[status]): HTMLElement {
  return h('span', { class: `badge ${status}` }, h('span', { 'aria-hidden': 'true', class: 'mark' }, MARKS[status]), word);
}

function verdictStatus(verdict: Verdict): Status {
  return verdict === 'incomplete' ? 'unchecked' : verdict;
}

function verdictView(m: Messages, report: ReportJson): HTMLElement {
  const { good, all } = counts(report);
  const needed = report.lacking.map((needs) => checkName(m, needs));
  const long =
    report.verdict === 'incomplete'
      ? m.verdict.incompleteLong([...new Set(needed)])
      : report.verdict === 'pass'
        ? m.verdict.passLong
        : m.verdict.failLong;
  const facts: [string, Child][] = [
    [
      m.verdict.incident,
      report.incident === null
        ? m.verdict.unknown
        : [foreign(report.incident), report.revision === null ? null : m.verdict.ofRevision(report.revision)],
    ],
    [m.verdict.root, report.root === null ? m.verdict.unknown : code(report.root)],
    [m.verdict.contentId, report.content_id === null ? m.verdict.unknown : code(report.content_id)],
    [m.verdict.checked, all === 0 ? m.verdict.noFiles : m.verdict.files(good, all)],
  ];
  return h(
    'div',
    { class: `verdict ${report.verdict}` },
    h(
      'p',
      { class: 'verdict-line' },
      h('span', { class: 'verdict-mark', 'aria-hidden': 'true' }, MARKS[verdictStatus(report.verdict)]),
      h('strong', {}, m.verdict[report.verdict]),
    ),
    h('p', { class: 'verdict-long' }, long),
    notices(m, report).map((text) => h('p', { class: 'notice' }, h('strong', {}, m.verdict.notice), m.colon, h('bdi', {}, text))),
    factList(facts),
  );
}

function provedView(m: Messages, report: ReportJson): HTMLElement {
  const { shown, open, failed } = points(m, report);
  const listOf = (title: string, className: string, items: readonly string[], none: string | null): HTMLElement =>
    h(
      'section',
      { class: `points ${className}` },
      h('h3', {}, title),
      items.length
        ? [
            h(
              'ul',
              {},
              items.slice(0, POINTS).map((item) => h('li', {}, item)),
            ),
            items.length > POINTS ? h('p', {}, m.proved.more(items.length - POINTS)) : null,
          ]
        : none === null
          ? null
          : h('p', {}, none),
    );
  return h(
    'div',
    { class: 'proved' },
    failed.length ? listOf(m.proved.failed, 'fail', failed, null) : listOf(m.proved.heading, 'pass', shown, m.proved.none),
    listOf(m.proved.not, 'unchecked', open, m.proved.notNone),
  );
}

function ladderView(m: Messages, report: ReportJson, details: Details | null): HTMLElement {
  const of = (status: Status): number => report.ladder.filter((rung) => rung.status === status).length;
  return h(
    'div',
    {},
    h('p', { class: 'lead' }, m.ladder.lead),
    h('p', { class: 'small' }, m.ladder.summary(of('pass'), of('fail'), of('unchecked'))),
    h(
      'ol',
      { class: 'ladder' },
      report.ladder.map((rung) => h('li', {}, rungView(m, report, details, rung))),
    ),
  );
}

function rungView(m: Messages, report: ReportJson, details: Details | null, rung: RungJson): HTMLElement {
  const words = m.ladder.rungs[rung.rung];
  const checks = checksOf(report, rung);
  return h(
    'details',
    { class: `rung ${rung.status}` },
    h(
      'summary',
      {},
      h('span', { class: 'rung-head' }, h('span', { class: 'rung-name' }, words.name), badge(m, rung.status)),
      h('span', { class: 'rung-says' }, words[rung.status]),
    ),
    h(
      'div',
      { class: 'rung-body' },
      h('p', {}, h('strong', {}, m.ladder.believe), m.colon, believed(m, report, rung)),
      rung.status === 'pass' ? null : h('p', {}, h('strong', {}, m.ladder.further), m.colon, words.further),
      h('h3', {}, m.ladder.numbers),
      numbersOf(m, report, details, rung),
      checks.length ? checkTable(m, checks, words.name) : h('p', {}, m.ladder.nothing),
    ),
  );
}

function checksOf(report: ReportJson, rung: RungJson): ReportCheck[] {
  const family = FAMILIES[rung.rung]!;
  const elsewhere = ELSEWHERE[rung.rung] ?? [];
  return report.checks.filter(
    (c) =>
      rung.checks.includes(c.code) ||
      (family.some((prefix) => c.code.startsWith(prefix)) && !elsewhere.some((prefix) => c.code.startsWith(prefix))),
  );
}

function numbersOf(m: Messages, report: ReportJson, details: Details | null, rung: RungJson): Child {
  const n = m.numbers;
  switch (rung.rung) {
    case 'package':
      return factList([
        [n.root, report.root === null ? '–' : code(report.root)],
        [n.contentId, report.content_id === null ? '–' : code(report.content_id)],
        ...(details ? ([[n.leafCount, m.number(details.leaves)]] as [string, Child][]) : []),
      ]);
    case 'inclusion':
    case 'registry':
    case 'origin':
    case 'chain':
    case 'final':
      return report.anchors.map((anchor, i) => {
        const detail = details?.anchors.find((a) => a.transaction === anchor.transaction) ?? null;
        const rows = anchorRows(m, report, anchor, detail, rung.rung);
        return rows.length === 0
          ? null
          : h('div', {}, report.anchors.length > 1 ? h('h4', {}, n.anchor(i + 1)) : null, factList(rows));
      });
    case 'clocks':
      return report.clocks.map((clock) =>
        factList([
          [n.clock, foreign(clock.name)],
          [clock.bound === 'no_later' ? n.noLater : n.noEarlier, moment(m, clock.timestamp)],
        ]),
      );
    default:
      return null;
  }
}

function anchorRows(
  m: Messages,
  report: ReportJson,
  a: AnchorJson,
  detail: AnchorDetail | null,
  rung: string,
): [string, Child][] {
  const n = m.numbers;
  const blockHash =
    report.checks.find((c) => c.code === 'chain.header' && c.subject.includes(`block ${a.block}`))?.expected ?? null;
  switch (rung) {
    case 'inclusion':
      return [
        [n.block, m.number(a.block)],
        ...(blockHash === null ? [] : ([[n.blockHash, code(blockHash)]] as [string, Child][])),
        [n.transaction, code(a.transaction)],
        ...(detail?.place ? ([[n.root, n.batch(detail.place.index + 1, detail.place.count)]] as [string, Child][]) : []),
        ...(detail ? ([[n.stateRoot, long(detail.header)]] as [string, Child][]) : []),
      ];
    case 'registry':
      return [
        [n.registry, code(a.registry)],
        [n.chain, String(a.chain_id)],
        [n.genesis, code(a.genesis)],
        ...(detail?.codeHash ? ([[m.trust.codeHash, code(detail.codeHash)]] as [string, Child][]) : []),
      ];
    case 'origin':
      return [[n.signer, code(a.publisher)], ...(detail ? ([[n.sealed, long(detail.raw)]] as [string, Child][]) : [])];
    case 'chain':
      return [
        [n.time, moment(m, a.timestamp)],
        ...(a.nodes && a.nodes.asked
          ? ([[n.nodes, `${a.nodes.agreed}, ${a.nodes.asked}, ${a.nodes.needed}`]] as [string, Child][])
          : []),
        ...(a.consensus
          ? ([
              [n.votes, `${a.consensus.votes} / ${a.consensus.validators}`],
              [
                n.validatorSet,
                [
                  String(a.consensus.set.number),
                  ' ',
                  code(a.consensus.set.hash),
                  ' ',
                  foreign(a.consensus.set.source),
                  ' ',
                  foreign(a.consensus.set.as_of),
                ],
              ],
            ] as [string, Child][])
          : []),
      ];
    default:
      return [];
  }
}

/** Long bytes scroll in a box of their own, which the keyboard reaches. */
function long(bytes: string): HTMLElement {
  return h('div', { class: 'long', tabindex: '0', role: 'group', 'aria-label': bytes.slice(0, 10) }, code(bytes));
}

function filesView(m: Messages, report: ReportJson, details: Details | null): HTMLElement {
  const rows = fileRows(report);
  const body = h('ul', { class: 'files' });
  const more = h('button', { type: 'button', class: 'more' });
  let shown = 0;
  const show = (): void => {
    body.append(...rows.slice(shown, shown + ROWS_AT_ONCE).map((row) => fileView(m, row, details)));
    shown = Math.min(rows.length, shown + ROWS_AT_ONCE);
    more.textContent = m.files.more(rows.length - shown);
    more.hidden = shown >= rows.length;
  };
  more.addEventListener('click', show);
  show();
  return h('div', {}, body, more);
}

const FILE_STATUS: Readonly<Record<FileRow['state'], Status>> = {
  good: 'pass',
  bad: 'fail',
  absent: 'unchecked',
  open: 'unchecked',
  unlisted: 'unchecked',
  withheld: 'unchecked',
  revealed: 'pass',
  reference: 'unchecked',
};

function fileView(m: Messages, row: FileRow, details: Details | null): HTMLElement {
  const { check } = row;
  const leaf = details?.files.find((f) => f.path === row.name) ?? null;
  const note = noteText(m, check);
  const status = check.status === 'fail' ? 'fail' : FILE_STATUS[row.state];
  return h(
    'li',
    { class: `file ${status}` },
    h(
      'div',
      { class: 'file-head' },
      h('span', { class: 'file-name' }, foreign(subjectText(m, check))),
      badge(m, status, m.files[row.state]),
    ),
    note === null || row.state === 'withheld' || row.state === 'reference' || row.state === 'absent'
      ? null
      : h('p', { class: 'file-why' }, h('bdi', {}, note)),
    hasHidden(row.name) ? h('p', { class: 'file-why' }, m.files.hidden) : null,
    mixesAlphabets(row.name) ? h('p', { class: 'file-why' }, m.files.mixed) : null,
    check.expected === null && check.found === null
      ? null
      : h(
          'details',
          {},
          h('summary', { 'aria-label': m.files.showNumbers(row.name) }, m.ladder.numbers),
          fileNumbers(m, check, leaf, details),
        ),
  );
}

function fileNumbers(m: Messages, check: ReportCheck, leaf: LeafDetail | null, details: Details | null): HTMLElement {
  const f = m.files;
  return h(
    'div',
    {},
    factList([
      ...(check.expected === null ? [] : ([[`${f.sha256}, ${f.published}`, code(check.expected)]] as [string, Child][])),
      ...(check.found === null ? [] : ([[`${f.sha256}, ${f.given}`, code(check.found)]] as [string, Child][])),
      ...(leaf && details
        ? ([
            [f.size, f.bytes(leaf.size)],
            [f.leafHash, [code(leaf.hash), ' ', f.leaf(leaf.index, details.leaves)]],
          ] as [string, Child][])
        : []),
    ]),
    leaf && leaf.proof.length
      ? h(
          'div',
          {},
          h('p', { class: 'small' }, f.path),
          h(
            'ol',
            { class: 'path' },
            leaf.proof.map((hash) => h('li', {}, code(hash))),
          ),
        )
      : null,
  );
}

function checkTable(m: Messages, checks: readonly ReportCheck[], caption: string): HTMLElement {
  const n = m.numbers;
  const body = h('tbody', { role: 'rowgroup' });
  const more = h('button', { type: 'button', class: 'more' });
  let shown = 0;
  const show = (): void => {
    body.append(...checks.slice(shown, shown + ROWS_AT_ONCE).map((check) => checkRow(m, check)));
    shown = Math.min(checks.length, shown + ROWS_AT_ONCE);
    more.textContent = m.files.more(checks.length - shown);
    more.hidden = shown >= checks.length;
  };
  more.addEventListener('click', show);
  show();
  return h(
    'div',
    {},
    h(
      'div',
      { class: 'table', tabindex: '0', role: 'group', 'aria-label': caption },
      h(
        'table',
        { role: 'table' },
        h(
          'thead',
          { role: 'rowgroup' },
          h(
            'tr',
            { role: 'row' },
            [n.check, n.status, n.expected, n.found].map((name) => h('th', { scope: 'col', role: 'columnheader' }, name)),
          ),
        ),
        body,
      ),
    ),
    more,
  );
}

function checkRow(m: Messages, check: ReportCheck): HTMLElement {
  const note = noteText(m, check);
  const value = (text: string | null): Child => (text === null ? '–' : h('bdi', { class: 'value' }, valueText(m, text)));
  return h(
    'tr',
    { role: 'row' },
    h(
      'th',
      { scope: 'row', role: 'rowheader' },
      checkTitle(m, check),
      h('span', { class: 'about' }, h('bdi', {}, subjectText(m, check))),
      note === null ? null : h('span', { class: 'note' }, h('bdi', {}, note)),
      h('span', { class: 'code' }, code(check.code)),
    ),
    h('td', { role: 'cell' }, badge(m, check.status)),
    h('td', { role: 'cell', 'data-name': m.numbers.expected }, value(check.expected)),
    h('td', { role: 'cell', 'data-name': m.numbers.found }, value(check.found)),
  );
}

function allChecksView(m: Messages, report: ReportJson): HTMLElement {
  const sections = Object.entries(m.numbers.sections).map(([section, title]) => {
    const checks = report.checks.filter((c) => c.section === section);
    return checks.length ? h('section', {}, h('h3', {}, title), checkTable(m, checks, title)) : null;
  });
  return h('details', { class: 'all' }, h('summary', {}, m.numbers.all), h('div', {}, sections));
}

export function absenceView(m: Messages, absence: AbsenceResult): HTMLElement {
  return h(
    'div',
    { class: `verdict ${absence.verdict}` },
    h('h3', {}, m.absence.heading, m.colon, foreign(absence.name)),
    h('p', {}, badge(m, verdictStatus(absence.verdict), m.verdict.word[absence.verdict]), ' ', m.absence[absence.verdict]),
    absence.about === null
      ? null
      : factList([
          [m.trust.key, code(absence.about.publisher)],
          [m.verdict.root, code(absence.about.root)],
          [m.numbers.registry, code(absence.about.registry)],
          [m.numbers.block, `${m.number(absence.about.block)} (${chainName(m, absence.about)})`],
        ]),
    h('p', {}, m.absence.limits),
    absence.checks.length ? checkTable(m, absence.checks, m.absence.heading) : null,
  );
}

/** What the page shows of a report and a saved one too; `between` goes before the ladder, `copy` below the quotation. */
export function reportView(
  m: Messages,
  report: ReportJson,
  details: Details | null,
  quote: string,
  { between, copy }: { between?: Child; copy?: Child } = {},
): Child {
  return [
    verdictView(m, report),
    provedView(m, report),
    between,
    h('section', {}, h('h2', {}, m.ladder.heading), ladderView(m, report, details)),
    h('section', {}, h('h2', {}, m.files.heading), filesView(m, report, details)),
    h(
      'section',
      {},
      h('h2', {}, m.quote.heading),
      h('p', {}, m.quote.lead),
      h('blockquote', { id: 'quote' }, h('p', {}, quote)),
      copy,
    ),
    allChecksView(m, report),
  ];
}

/** What could not be checked at all. `name` is the file's where it is one of several. */
export function failureView(m: Messages, failure: Failure, name?: string): HTMLElement {
  const { code: of, message, hint } = failure;
  const words = of === null ? m.progress.crashed : (noteText(m, { note: message, found: of, code: of }) ?? '');
  return h(
    'div',
    { class: 'verdict fail', role: 'alert' },
    h(
      'p',
      { class: 'verdict-line' },
      h('span', { class: 'verdict-mark', 'aria-hidden': 'true' }, MARKS.fail),
      h('strong', {}, m.progress.failed),
    ),
    name === undefined ? null : h('p', {}, foreign(name)),
    h('p', {}, h('bdi', {}, words)),
    of === null ? null : h('p', { class: 'small' }, m.progress.errorCode, m.colon, code(of)),
    // Hints are English sentences without a translation.
    hint === null || m.lang !== 'en' ? null : h('p', { class: 'small' }, m.progress.hint, m.colon, foreign(hint)),
  );
}
