/** The page: what was given, whom the reader trusts and wants asked, the check, and its result. One language at a time. */
import { type Asked, readAddresses, readQuorum } from './asked.ts';
import { h, replace } from './dom.ts';
import { giveView } from './give-view.ts';
import { dropped, type Found, GivenList, MAX_FILES, TooManyFiles } from './given.ts';
import { chooseLanguage, LANGUAGES, type Messages } from './i18n/index.ts';
import { linkView } from './link-view.ts';
import { fetchFile, hashParameters, type Link, readLink, TooLarge } from './links.ts';
import { type AskedFor, askView, type OptionActs, trustView } from './options-view.ts';
import type { AbsenceResult, Failure, Result } from './protocol.ts';
import { questionsView, registryQuestion, type TrustActs } from './questions-view.ts';
import type { Verdict } from './report-json.ts';
import { absenceView, failureView, reportView } from './report-view.ts';
import { type Progress, Runner } from './runner.ts';
import { download, savedPage } from './save.ts';
import { addPublisher, addRegistry, EMPTY, isEmpty, toBytes, type TrustJson, without } from './trust.ts';
import { plain, visible } from './visible.ts';
import { bytesText, moment, quotation } from './words.ts';

type Phase = 'idle' | 'running' | 'done' | 'failed';

interface Wished {
  readonly rpc: Asked;
  readonly gateways: Asked;
  readonly quorum: number | null;
  /** In words, why it cannot be asked so. */
  readonly problem: string | null;
}

/** As the verifier has it: one byte more, and it refuses the file. */
const MAX_TRUST_BYTES = 4 * 1024 * 1024;
const ANNOUNCE_EVERY_MS = 5_000;
const NO_PROGRESS: Progress = { kind: 'progress', what: 'check', name: '', done: 0, all: 0 };

export class App implements OptionActs, TrustActs {
  private m: Messages;
  private readonly given = new GivenList();
  private readonly runner: Runner;
  private readonly root: HTMLElement;
  private trust: TrustJson = EMPTY;
  private asked: AskedFor = { rpc: '', quorum: '', gateways: '' };
  private readonly opened = { trust: false, ask: false };
  private phase: Phase = 'idle';
  private result: Result | null = null;
  private failure: Failure | null = null;
  private problem: string | null = null;
  private link: Link | null;
  private fetching: AbortController | null = null;
  /** Are the files those of the last result? */
  private unchanged = false;
  /** Names of the files of the last check, and when it was: what is quoted and saved speaks of those, whatever was given since. */
  private checked: { readonly names: readonly string[]; readonly at: Date } = { names: [], at: new Date(0) };
  private announced = 0;

  constructor(root: HTMLElement, workerSource: () => string) {
    this.root = root;
    this.runner = new Runner(workerSource);
    this.m = this.languageOf();
    this.link = readLink(location.hash, new URL(location.href));
    this.listen();
    this.build();
  }

  private languageOf(): Messages {
    return chooseLanguage(hashParameters(location.hash).get('lang'), navigator.languages);
  }

  private listen(): void {
    const over = (on: boolean): void => {
      this.at('drop').classList.toggle('over', on);
      this.at('drop-says').textContent = on ? this.m.give.dropNow : this.m.give.drop;
    };
    document.addEventListener('dragover', (event) => {
      event.preventDefault();
      over(true);
    });
    document.addEventListener('dragleave', (event) => {
      if (event.relatedTarget === null) over(false);
    });
    document.addEventListener('drop', (event) => {
      event.preventDefault();
      over(false);
      if (event.dataTransfer) void this.take(dropped(event.dataTransfer));
    });
    addEventListener('hashchange', () => {
      this.m = this.languageOf();
      this.link = readLink(location.hash, new URL(location.href)) ?? this.link;
      this.build();
    });
  }

  // ------------------------------------------------------------------------------------------------------- the page

  private build(): void {
    const { m } = this;
    document.documentElement.lang = m.tag;
    document.title = m.page.document;
    replace(
      this.root,
      h('a', { class: 'skip', href: '#result', click: (event) => this.skip(event) }, m.page.skip),
      h(
        'header',
        {},
        h('div', { class: 'bar' }, h('p', { class: 'name' }, m.page.name), this.languages()),
        h('h1', {}, m.page.title),
        h('p', { class: 'lead' }, m.page.lead),
        h('p', { class: 'quiet' }, m.page.quiet),
      ),
      h(
        'main',
        {},
        h('div', { id: 'link' }),
        h('section', { id: 'give', 'aria-labelledby': 'give-title' }),
        h('section', { id: 'options' }),
        h('div', { id: 'go' }),
        h('section', { id: 'progress', 'aria-labelledby': 'progress-title' }),
        h('div', { id: 'result', tabindex: '-1' }),
      ),
      h('footer', {}, h('p', {}, m.page.footer)),
      h('p', { id: 'live', class: 'unseen', role: 'status', 'aria-live': 'polite', 'aria-atomic': 'true' }),
    );
    this.showLink();
    this.showGive();
    this.showOptions();
    this.showGo();
    this.showProgress(null);
    this.showResult();
  }

  private skip(event: Event): void {
    event.preventDefault();
    this.at('result').focus();
    this.at('result').scrollIntoView();
  }

  private languages(): HTMLElement {
    const button = (language: Messages): HTMLElement =>
      h(
        'button',
        {
          type: 'button',
          lang: language.tag,
          'data-lang': language.lang,
          'aria-pressed': String(language === this.m),
          click: () => this.setLanguage(language),
        },
        language.page.languageName,
      );
    return h('div', { class: 'languages', role: 'group', 'aria-label': this.m.page.language }, LANGUAGES.map(button));
  }

  private setLanguage(language: Messages): void {
    const parameters = hashParameters(location.hash);
    parameters.set('lang', language.lang);
    history.replaceState(null, '', `#${parameters}`);
    this.m = language;
    this.build();
    document.querySelector<HTMLElement>(`[data-lang=${language.lang}]`)?.focus();
  }

  private at(id: string): HTMLElement {
    return document.getElementById(id)!;
  }

  private say(text: string): void {
    this.at('live').textContent = plain(text);
  }

  // ---------------------------------------------------------------------------------------------------- giving files

  private async take(finding: Promise<readonly Found[]> | readonly Found[]): Promise<void> {
    const { m } = this;
    try {
      const found = await finding;
      this.unchanged = false;
      const unreadable = await this.given.add(found);
      this.outdate();
      this.problem = unreadable.length ? m.give.unreadable(unreadable[0]!) : null;
      this.say(m.give.added(found.length - unreadable.length));
    } catch (error) {
      this.problem = error instanceof TooManyFiles ? m.give.tooMany(MAX_FILES) : m.give.unreadableAny;
    }
    this.showGive();
    this.showGo();
  }

  private showGive(): void {
    const acts = {
      take: (found: readonly Found[]) => void this.take(found),
      setMine: (item: { id: number; role: string; file: File }, mine: boolean) => void this.setMine(item, mine),
      instead: (item: { id: number }) => this.change(() => this.given.choose(item.id)),
      remove: (item: { id: number } | null) => this.change(() => (item ? this.given.remove(item.id) : this.given.clear())),
    };
    replace(this.at('give'), giveView(this.m, this.given.all, this.problem, acts));
  }

  /** What is given or trusted is not what was checked: no verdict on something else may stay on the screen, or be saved. */
  private outdate(): void {
    if (this.fetching || (this.phase === 'idle' && !this.result)) return;
    if (this.phase === 'running') this.runner.cancel();
    this.result = null;
    this.failure = null;
    this.setPhase('idle');
    this.showProgress(null);
    replace(this.at('result'), h('p', { id: 'outdated', class: 'problem' }, this.m.give.changed));
  }

  private change(act: () => void): void {
    act();
    this.outdate();
    this.unchanged = false;
    this.problem = null;
    this.showGive();
    this.showGo();
    (document.getElementById('given-title') ?? this.at('choose-files')).focus();
  }

  private async setMine(item: { id: number; role: string; file: File }, mine: boolean): Promise<void> {
    this.given.setMine(item.id, mine);
    this.outdate();
    if (item.role === 'trust' && mine) await this.readTrust(item.file);
    this.showGive();
    this.at('given-title').focus();
  }

  // --------------------------------------------------------------------------------------------- asking and trusting

  private showOptions(): void {
    const { m, opened } = this;
    replace(this.at('options'), trustView(m, this.trust, opened.trust, this), askView(m, this.asked, opened.ask, this));
  }

  loadTrust(file: File): void {
    void this.readTrust(file);
  }

  private async readTrust(file: File): Promise<void> {
    const { m } = this;
    const data = new Uint8Array(
      await file
        .slice(0, MAX_TRUST_BYTES + 1)
        .arrayBuffer()
        .catch(() => new ArrayBuffer(0)),
    );
    const failure = await this.runner.checkTrust(data);
    if (failure === null) {
      this.trust = JSON.parse(new TextDecoder().decode(data)) as TrustJson;
      this.outdate();
      this.opened.trust = true;
      this.problem = null;
      this.say(m.trust.loaded(file.name));
    } else {
      const why = m.lang === 'en' ? ` ${visible(failure.message)}` : '';
      this.problem = m.trust.bad(file.name) + why + (failure.code ? ` [${failure.code}]` : '');
    }
    this.showGive();
    this.showOptions();
    this.showGo();
  }

  forget(which: Parameters<typeof without>[1]): void {
    this.trust = without(this.trust, which);
    this.outdate();
    this.showOptions();
    this.at('trust-summary').focus();
  }

  ask(asked: AskedFor): void {
    this.asked = asked;
    this.showGo();
  }

  toggled(part: 'trust' | 'ask', open: boolean): void {
    this.opened[part] = open;
  }

  trustRegistry(registry: Parameters<typeof addRegistry>[1]): void {
    this.believe(addRegistry(this.trust, registry), registry.name);
  }

  trustPublisher(publisher: Parameters<typeof addPublisher>[1]): void {
    this.believe(addPublisher(this.trust, publisher), publisher.name);
  }

  private believe(trust: TrustJson, name: string): void {
    this.trust = trust;
    this.opened.trust = true;
    this.showOptions();
    this.run(this.unchanged);
    this.say(this.m.trust.added(name));
  }

  private wished(): Wished {
    const { m, asked } = this;
    const rpc = readAddresses(asked.rpc);
    const gateways = readAddresses(asked.gateways);
    const quorum = readQuorum(asked.quorum, rpc.hosts.length);
    const bad = rpc.bad ?? gateways.bad;
    const problem = bad !== null ? m.ask.badUrl(bad) : quorum === undefined ? m.ask.badQuorum : null;
    return { rpc, gateways, quorum: quorum ?? null, problem };
  }

  // ------------------------------------------------------------------------------------------------------- checking

  private showGo(): void {
    const { m } = this;
    const { rpc, gateways, problem } = this.wished();
    const hosts = problem === null ? [...new Set([...rpc.hosts, ...gateways.hosts])] : [];
    const bundle = this.given.of('bundle').length > 0;
    const something = bundle || this.given.of('absence').length > 0;
    const disabled = this.phase === 'running' || !something || problem !== null;
    replace(
      this.at('go'),
      something || this.given.all.length === 0 ? null : h('p', { class: 'problem' }, m.give.needBundle),
      bundle && this.given.of('file', 'car').length === 0 ? h('p', { class: 'small' }, m.give.needFiles) : null,
      problem === null ? null : h('p', { class: 'problem', role: 'alert' }, problem),
      hosts.length === 0 ? null : h('p', { class: 'small' }, m.ask.willAsk(hosts)),
      h(
        'button',
        { type: 'button', id: 'check', class: 'primary', disabled, click: () => this.run() },
        this.result ? m.give.again : m.give.check,
      ),
    );
  }

  /** `again`: the files are those of the last result, so they need not be read. */
  private run(again = false): void {
    const { rpc, gateways, quorum, problem } = this.wished();
    if (problem !== null) return;
    this.result = null;
    this.failure = null;
    this.checked = { names: this.given.of('file', 'car').map((item) => item.name.split('/').at(-1)!), at: new Date() };
    this.setPhase('running');
    this.showResult();
    this.showProgress(NO_PROGRESS);
    this.at('cancel').focus();
    this.say(this.m.progress.starting);
    this.announced = Date.now();
    const files = this.given.all
      .filter((item) => item.role !== 'trust' && (item.role !== 'policy' || item.mine))
      .map(({ file, name, folder, path, role }) => ({ file, name, folder, path, role }));
    const trust = isEmpty(this.trust) ? null : toBytes(this.trust);
    this.runner.start(
      { kind: 'verify', files, trust, rpc: rpc.urls, quorum, gateways: gateways.urls, again },
      {
        progress: (told) => this.showProgress(told),
        done: (result) => this.finish(result, null),
        failed: (failure) => this.finish(null, failure),
      },
    );
  }

  private finish(result: Result | null, failure: Failure | null): void {
    const { m } = this;
    this.result = result;
    this.failure = failure;
    this.unchanged = result !== null;
    this.setPhase(result ? 'done' : 'failed');
    this.showProgress(null);
    this.showResult();
    this.at('result').focus({ preventScroll: true });
    this.at('result').scrollIntoView({ block: 'start' });
    const verdict = this.verdict();
    this.say(verdict ? m.verdict.announce(result?.report ? m.verdict[verdict] : m.verdict.word[verdict]) : m.progress.failed);
  }

  private verdict(): Verdict | undefined {
    if (this.result?.report) return this.result.report.verdict;
    const told = this.result?.absences.map((absence) => absence.verdict) ?? [];
    return (['fail', 'incomplete', 'pass'] as const).find((verdict) => told.includes(verdict));
  }

  private cancel(): void {
    this.runner.cancel();
    this.fetching?.abort();
    this.fetching = null;
    this.unchanged = false;
    this.setPhase('idle');
    this.showProgress(null);
    this.say(this.m.progress.cancelled);
    replace(this.at('result'), h('p', {}, this.m.progress.cancelled));
    this.at('check').focus();
  }

  /** Also for whoever drives the page from outside: `data-phase` and `data-verdict` of the root element. */
  private setPhase(phase: Phase): void {
    this.phase = phase;
    document.documentElement.dataset['phase'] = phase;
    document.documentElement.dataset['verdict'] = (phase === 'done' && this.verdict()) || '';
    this.showGo();
  }

  private showProgress(told: Progress | null): void {
    const { m } = this;
    const section = this.at('progress');
    section.hidden = told === null && this.phase !== 'running';
    if (section.hidden) return replace(section);
    if (!document.getElementById('bar')) {
      replace(
        section,
        h('h2', { id: 'progress-title' }, m.progress.heading),
        h('progress', { id: 'bar', max: '1', 'aria-labelledby': 'progress-title' }),
        h('p', { id: 'doing', class: 'doing' }, m.progress.starting),
        h('p', {}, h('button', { type: 'button', id: 'cancel', click: () => this.cancel() }, m.progress.cancel)),
      );
    }
    if (told === null) return;
    const bar = this.at('bar') as HTMLProgressElement;
    const { done, all } = told;
    if (all > 0) bar.value = done / all;
    else bar.removeAttribute('value');
    const amount = all > 0 ? m.colon + m.progress.of(bytesText(m, done), bytesText(m, all)) : '';
    this.at('doing').textContent = this.doing(told) + amount;
    if (all > 0 && Date.now() - this.announced >= ANNOUNCE_EVERY_MS) {
      this.announced = Date.now();
      this.say(m.progress.percent(Math.floor((100 * done) / all)));
    }
  }

  private doing({ what, name }: Progress): string {
    const { progress } = this.m;
    if (what === 'check') return progress.checking;
    if (what === 'read') return progress.reading(name);
    const kinds: Readonly<Record<string, string>> = progress.kinds;
    return kinds[name] ?? progress.asking(name);
  }

  // --------------------------------------------------------------------------------------------------------- results

  private showResult(): void {
    const { m } = this;
    const target = this.at('result');
    if (this.failure) return replace(target, failureView(m, this.failure));
    if (!this.result) return replace(target);
    const { report, details, absences } = this.result;
    const quote = this.quote();
    replace(
      target,
      h('h2', {}, m.verdict.heading),
      report &&
        reportView(m, report, details, quote, { between: questionsView(m, report, details, this), copy: this.copyButton(quote) }),
      absences.map((absence) => this.absenceView(absence)),
      h(
        'section',
        { class: 'save' },
        h('h2', {}, m.save.heading),
        h(
          'p',
          { class: 'buttons' },
          h('button', { type: 'button', id: 'save-html', click: () => this.saveHtml() }, m.save.html),
          h('button', { type: 'button', id: 'save-json', click: () => this.saveJson() }, m.save.json),
          h('button', { type: 'button', id: 'print', click: () => print() }, m.save.print),
        ),
      ),
    );
  }

  private absenceView(absence: AbsenceResult): HTMLElement[] {
    const { m } = this;
    if (absence.failure) return [failureView(m, absence.failure, absence.name)];
    const open = absence.about !== null && absence.lacking.includes('absence.registry');
    return [
      absenceView(m, absence),
      ...(open ? [h('section', {}, h('h2', {}, m.trust.questions), registryQuestion(m, absence.about, null, null, this))] : []),
    ];
  }

  private quote(): string {
    const { names, at } = this.checked;
    return this.result?.report ? quotation(this.m, this.result.report, names, at) : '';
  }

  private copyButton(text: string): HTMLElement {
    const { m } = this;
    const told = h('span', { class: 'told' });
    const copy = async (): Promise<void> => {
      let done = true;
      try {
        await navigator.clipboard.writeText(plain(text));
      } catch {
        // A page from a file may have no clipboard: the older way, which leaves the text selected.
        getSelection()?.selectAllChildren(this.at('quote'));
        done = document.execCommand('copy');
      }
      told.textContent = done ? m.quote.copied : m.quote.notCopied;
      this.say(told.textContent);
    };
    return h(
      'p',
      { class: 'buttons' },
      h('button', { type: 'button', id: 'copy', click: () => void copy() }, m.quote.copy),
      told,
    );
  }

  // ---------------------------------------------------------------------------------------------------------- saving

  private fileName(end: string): string {
    const report = this.result?.report;
    return report?.incident ? `report-${report.incident}-r${report.revision}.${end}` : `report.${end}`;
  }

  private saveJson(): void {
    const { report, absences } = this.result!;
    const value = report ?? absences.map(({ name, verdict, lacking, checks }) => ({ name, verdict, lacking, checks }));
    download(this.fileName('json'), 'application/json', [JSON.stringify(value, null, 2) + '\n']);
  }

  private saveHtml(): void {
    const { m } = this;
    const { report, details, absences } = this.result!;
    const title = m.save.title(report?.incident ?? m.absence.heading);
    const content = h(
      'main',
      {},
      h('p', { class: 'name' }, m.page.name),
      h('h1', {}, title),
      h('h2', {}, m.verdict.heading),
      report && reportView(m, report, details, this.quote()),
      absences.map((absence) => (absence.failure ? failureView(m, absence.failure, absence.name) : absenceView(m, absence))),
      h('p', { class: 'small' }, m.save.made(moment(m, Math.floor(Date.now() / 1000)))),
      h('p', { class: 'small' }, m.page.footer),
    );
    download(this.fileName('html'), 'text/html', [savedPage(m, title, content)]);
  }

  // ---------------------------------------------------------------------------------------------------- opened by link

  private showLink(): void {
    const { link } = this;
    const acts = { fetch: () => void this.fetchLink(), close: () => this.closeLink() };
    replace(this.at('link'), link && linkView(this.m, link, new URL(location.href), acts));
  }

  private closeLink(): void {
    this.link = null;
    this.showLink();
    this.at('choose-files').focus();
  }

  private async fetchLink(): Promise<void> {
    const urls = this.link?.urls ?? [];
    const { signal } = (this.fetching = new AbortController());
    this.link = null;
    this.showLink();
    this.setPhase('running');
    this.showProgress({ ...NO_PROGRESS, what: 'ask', name: urls[0]?.host ?? '' });
    this.at('cancel').focus();
    const found: Found[] = [];
    let problem: string | null = null;
    for (const url of urls) {
      const name = url.pathname.split('/').at(-1)!;
      try {
        found.push(
          await fetchFile(url, (done, all) => this.showProgress({ kind: 'progress', what: 'read', name, done, all }), signal),
        );
      } catch (error) {
        if (signal.aborted) return;
        problem = this.m.link.failed(url.href, this.whyNotFetched(error, url));
      }
    }
    this.fetching = null;
    this.setPhase('idle');
    this.showProgress(null);
    await this.take(found);
    if (problem !== null) {
      this.problem = problem;
      this.showGive();
    } else if (this.given.of('bundle').length) {
      this.run();
    }
  }

  private whyNotFetched(error: unknown, url: URL): string {
    if (error instanceof TooLarge) return this.m.link.tooLarge;
    // Browsers do not tell a page why another request failed.
    return error instanceof Error && error.message.startsWith('HTTP ') ? error.message : url.host;
  }
}
