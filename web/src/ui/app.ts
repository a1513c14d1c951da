import { type Asked, readAddresses, readQuorum } from './asked.ts';
import { code, foreign, h, replace } from './dom.ts';
import { dropped, type Found, type Given, GivenList, MAX_FILES, picked, TooManyFiles } from './given.ts';
import { chooseLanguage, LANGUAGES, type Messages } from './i18n/index.ts';
import { fetchFile, hashParameters, type Link, readLink, TooLarge } from './links.ts';
import type { AnchorDetail, Contract, Failure, Result } from './protocol.ts';
import type { AnchorJson } from './report-json.ts';
import { absenceView, allChecksView, filesView, ladderView, provedView, verdictView } from './report-view.ts';
import { type Progress, Runner } from './runner.ts';
import { download, savedPage } from './save.ts';
import { addPublisher, addRegistry, EMPTY, goodName, isEmpty, otherEntries, toBytes, type TrustJson, without } from './trust.ts';
import { plain, visible } from './visible.ts';
import { bytesText, moment, noteText, publicChain, quotation } from './words.ts';

type Phase = 'idle' | 'running' | 'done' | 'failed';
/** Hash of the registry's code that this page was built with; used where a bundle does not prove one. */
declare const REGISTRY_CODE_HASH: string;

const LISTED = 50;
const ANNOUNCE_EVERY_MS = 5_000;

export class App {
  private m: Messages;
  private readonly given = new GivenList();
  private readonly runner: Runner;
  private readonly root: HTMLElement;
  private trust: TrustJson = EMPTY;
  private phase: Phase = 'idle';
  private result: Result | null = null;
  private failure: Failure | null = null;
  private problem: string | null = null;
  private asked = { rpc: '', quorum: '', gateways: '' };
  private askOpen = false;
  private trustOpen = false;
  private link: Link | null;
  private fetching: AbortController | null = null;
  /** Are the files those of the last result? */
  private unchanged = false;
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
    const zone = (on: boolean): void => {
      document.getElementById('drop')?.classList.toggle('over', on);
      const says = document.getElementById('drop-says');
      if (says) says.textContent = on ? this.m.give.dropNow : this.m.give.drop;
    };
    document.addEventListener('dragover', (event) => {
      event.preventDefault();
      zone(true);
    });
    document.addEventListener('dragleave', (event) => {
      if (event.relatedTarget === null) zone(false);
    });
    document.addEventListener('drop', (event) => {
      event.preventDefault();
      zone(false);
      if (event.dataTransfer) void this.take(dropped(event.dataTransfer));
    });
    addEventListener('hashchange', () => {
      this.m = this.languageOf();
      const link = readLink(location.hash, new URL(location.href));
      if (link) this.link = link;
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
    this.showGive();
    this.showOptions();
    this.showGo();
    this.showLink();
    this.showProgress(null);
    this.showResult();
  }

  private skip(event: Event): void {
    event.preventDefault();
    this.at('result').focus();
    this.at('result').scrollIntoView();
  }

  private languages(): HTMLElement {
    return h(
      'div',
      { class: 'languages', role: 'group', 'aria-label': this.m.page.language },
      LANGUAGES.map((language) =>
        h(
          'button',
          { type: 'button', lang: language.tag, 'aria-pressed': String(language === this.m), 'data-lang': language.lang, click: () => this.setLanguage(language) },
          language.lang === 'en' ? 'English' : '中文',
        ),
      ),
    );
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

  private async take(finding: Promise<Found[]> | Found[], mine = false): Promise<void> {
    const { m } = this;
    try {
      const found = await finding;
      this.unchanged = false;
      const unreadable = await this.given.add(found, mine);
      this.problem = unreadable.length ? m.give.unreadable(unreadable[0]!) : null;
      this.say(m.give.added(found.length - unreadable.length));
    } catch (error) {
      this.problem = error instanceof TooManyFiles ? m.give.tooMany(MAX_FILES) : m.give.unreadable('');
    }
    this.showGive();
    this.showGo();
  }

  private showGive(): void {
    const { m } = this;
    const files = h('input', { type: 'file', id: 'files', multiple: true, class: 'unseen', tabindex: '-1', 'aria-hidden': 'true' });
    const folder = h('input', { type: 'file', id: 'folder', webkitdirectory: true, class: 'unseen', tabindex: '-1', 'aria-hidden': 'true' });
    for (const input of [files, folder]) {
      input.addEventListener('change', () => {
        void this.take(picked([...(input.files ?? [])]));
        input.value = '';
      });
    }
    const items = this.given.all;
    replace(
      this.at('give'),
      h('h2', { id: 'give-title' }, m.give.heading),
      h(
        'div',
        { id: 'drop', class: 'drop' },
        h('p', { id: 'drop-says', class: 'drop-says' }, m.give.drop),
        h(
          'p',
          { class: 'buttons' },
          h('button', { type: 'button', id: 'choose-files', click: () => files.click() }, m.give.files),
          h('button', { type: 'button', id: 'choose-folder', click: () => folder.click() }, m.give.folder),
          files,
          folder,
        ),
        h('p', { class: 'small' }, m.give.what),
      ),
      this.problem === null ? null : h('p', { class: 'problem', role: 'alert' }, this.problem),
      items.length === 0
        ? null
        : h(
            'div',
            { class: 'given' },
            h('h3', { id: 'given-title', tabindex: '-1' }, m.give.listed),
            h('ul', {}, items.slice(0, LISTED).map((item) => this.givenItem(item))),
            items.length > LISTED ? h('p', { class: 'small' }, m.give.more(items.length - LISTED)) : null,
            items.some((item) => item.role === 'trust' || item.role === 'policy') ? h('p', { class: 'small' }, m.give.mineWhy) : null,
            h('p', {}, h('button', { type: 'button', class: 'plain', click: () => this.drop(null) }, m.give.clear)),
          ),
    );
  }

  private givenItem(item: Given): HTMLElement {
    const { m } = this;
    const own = item.role === 'trust' || item.role === 'policy';
    return h(
      'li',
      {},
      h('span', { class: 'given-name' }, foreign(item.name)),
      h('span', { class: 'given-role' }, `${m.give.roles[item.role]} · ${bytesText(m, item.file.size)}`),
      h(
        'span',
        { class: 'given-acts' },
        own
          ? h('label', {}, h('input', { type: 'checkbox', checked: item.mine, 'aria-label': m.give.mineNamed(item.name), change: (event) => void this.setMine(item, (event.target as HTMLInputElement).checked) }), m.give.mine)
          : null,
        item.role === 'other' ? h('button', { type: 'button', class: 'plain', 'aria-label': m.give.insteadNamed(item.name), click: () => this.instead(item) }, m.give.instead) : null,
        h('button', { type: 'button', class: 'plain', 'aria-label': m.give.removeNamed(item.name), click: () => this.drop(item.id) }, m.give.remove),
      ),
    );
  }

  private instead(item: Given): void {
    this.unchanged = false;
    this.given.choose(item.id);
    this.showGive();
    this.at('given-title').focus();
  }

  private async setMine(item: Given, mine: boolean): Promise<void> {
    this.given.setMine(item.id, mine);
    if (item.role === 'trust' && mine) await this.loadTrust(item.file);
    this.showGive();
    this.showOptions();
    this.at('given-title').focus();
  }

  private drop(id: number | null): void {
    this.unchanged = false;
    if (id === null) this.given.clear();
    else this.given.remove(id);
    this.problem = null;
    this.showGive();
    this.showGo();
    (document.getElementById('given-title') ?? this.at('choose-files')).focus();
  }

  // --------------------------------------------------------------------------------------------- asking and trusting

  private showOptions(): void {
    const { m } = this;
    replace(this.at('options'), this.trustPart(m), this.askPart(m));
  }

  private trustPart(m: Messages): HTMLElement {
    const input = h('input', { type: 'file', id: 'trust-file', accept: '.json', class: 'unseen', tabindex: '-1', 'aria-hidden': 'true' });
    input.addEventListener('change', () => {
      const file = input.files?.[0];
      if (file) void this.loadTrust(file);
    });
    const { trust } = this;
    const row = (name: string, more: readonly string[], forget: () => void): HTMLElement =>
      h('li', {}, h('span', {}, foreign(name), more.map((text) => [' ', code(text)])), h('button', { type: 'button', class: 'plain', 'aria-label': m.trust.forgetNamed(name), click: forget }, m.trust.forget));
    const forget = (which: Parameters<typeof without>[1]) => (): void => {
      this.trust = without(this.trust, which);
      this.showOptions();
      this.at('trust-summary').focus();
    };
    return h(
      'details',
      { class: 'option', id: 'trust', open: this.trustOpen, toggle: (event) => (this.trustOpen = (event.target as HTMLDetailsElement).open) },
      h('summary', { id: 'trust-summary' }, m.trust.heading),
      h(
        'div',
        {},
        isEmpty(trust) ? h('p', {}, m.trust.none) : null,
        trust.registries.length ? [h('h3', {}, m.trust.registries), h('ul', { class: 'trusted' }, trust.registries.map((r) => row(r.name, [r.address], forget(r))))] : null,
        trust.publishers.length ? [h('h3', {}, m.trust.publishers), h('ul', { class: 'trusted' }, trust.publishers.map((p) => row(p.name, [p.address], forget(p))))] : null,
        otherEntries(trust) ? h('p', {}, m.trust.other(otherEntries(trust))) : null,
        h(
          'p',
          { class: 'buttons' },
          h('button', { type: 'button', id: 'trust-load', click: () => input.click() }, m.trust.load),
          isEmpty(trust) ? null : h('button', { type: 'button', id: 'trust-save', click: () => download('trust.json', 'application/json', [toBytes(trust)]) }, m.trust.save),
          input,
        ),
        h('p', { class: 'small' }, m.trust.session),
      ),
    );
  }

  private async loadTrust(file: File): Promise<void> {
    const { m } = this;
    const data = new Uint8Array(await file.arrayBuffer().catch(() => new ArrayBuffer(0)));
    const failure = await this.runner.checkTrust(data);
    if (failure) {
      this.problem = m.trust.bad(file.name) + (m.lang === 'en' ? ` ${visible(failure.message)}` : '') + (failure.code ? ` [${failure.code}]` : '');
    } else {
      this.trust = JSON.parse(new TextDecoder().decode(data)) as TrustJson;
      this.trustOpen = true;
      this.problem = null;
      this.say(m.trust.loaded(file.name));
    }
    this.showGive();
    this.showOptions();
    this.showGo();
  }

  private askPart(m: Messages): HTMLElement {
    const rpc = h('textarea', { id: 'rpc', rows: '2', spellcheck: 'false', autocapitalize: 'off', 'aria-describedby': 'rpc-help', dir: 'ltr', class: 'wide' }, this.asked.rpc);
    const quorum = h('input', { id: 'quorum', inputmode: 'numeric', size: '3', value: this.asked.quorum, 'aria-describedby': 'quorum-help', autocomplete: 'off' });
    const gateways = h('textarea', { id: 'gateways', rows: '2', spellcheck: 'false', autocapitalize: 'off', 'aria-describedby': 'gateways-help', dir: 'ltr', class: 'wide' }, this.asked.gateways);
    const changed = (): void => {
      this.asked = { rpc: rpc.value, quorum: quorum.value, gateways: gateways.value };
      this.showGo();
    };
    for (const field of [rpc, quorum, gateways]) field.addEventListener('input', changed);
    return h(
      'details',
      { class: 'option', id: 'ask', open: this.askOpen, toggle: (event) => (this.askOpen = (event.target as HTMLDetailsElement).open) },
      h('summary', {}, m.ask.heading),
      h(
        'div',
        {},
        h('p', {}, m.ask.body),
        h('label', { for: 'rpc' }, m.ask.rpc),
        rpc,
        h('p', { class: 'small', id: 'rpc-help' }, m.ask.rpcHelp),
        h('label', { for: 'quorum' }, m.ask.quorum),
        quorum,
        h('p', { class: 'small', id: 'quorum-help' }, m.ask.quorumHelp),
        h('label', { for: 'gateways' }, m.ask.gateways),
        gateways,
        h('p', { class: 'small', id: 'gateways-help' }, m.ask.gatewaysHelp),
      ),
    );
  }

  /** What the fields ask for; a problem in words where they cannot be used. */
  private wishes(): { readonly rpc: Asked; readonly gateways: Asked; readonly quorum: number | null; readonly problem: string | null } {
    const { m } = this;
    const rpc = readAddresses(this.asked.rpc);
    const gateways = readAddresses(this.asked.gateways);
    const quorum = readQuorum(this.asked.quorum, rpc.hosts.length);
    const bad = rpc.bad ?? gateways.bad;
    const problem = bad !== null ? m.ask.badUrl(bad) : quorum === undefined ? m.ask.badQuorum : null;
    return { rpc, gateways, quorum: quorum ?? null, problem };
  }

  // ------------------------------------------------------------------------------------------------------- checking

  private showGo(): void {
    const { m } = this;
    const bundle = this.given.of('bundle').length > 0;
    const absence = this.given.of('absence').length > 0;
    const files = this.given.of('file', 'car').length > 0;
    const wishes = this.wishes();
    const hosts = [...new Set([...wishes.rpc.hosts, ...wishes.gateways.hosts])];
    const running = this.phase === 'running';
    replace(
      this.at('go'),
      bundle || absence || this.given.all.length === 0 ? null : h('p', { class: 'problem' }, m.give.needBundle),
      bundle && !files ? h('p', { class: 'small' }, m.give.needFiles) : null,
      wishes.problem === null ? null : h('p', { class: 'problem', role: 'alert' }, wishes.problem),
      wishes.problem === null && hosts.length > 0 ? h('p', { class: 'small' }, m.ask.willAsk(hosts)) : null,
      h('button', { type: 'button', id: 'check', class: 'primary', disabled: running || !(bundle || absence) || wishes.problem !== null, click: () => this.run() }, this.result ? m.give.again : m.give.check),
    );
  }

  private run(again = false): void {
    const { m } = this;
    const wishes = this.wishes();
    if (wishes.problem !== null) return;
    this.setPhase('running');
    this.result = null;
    this.failure = null;
    this.showGo();
    this.showResult();
    this.showProgress({ kind: 'progress', what: 'check', name: '', done: 0, all: 0 });
    this.at('cancel').focus();
    this.say(m.progress.starting);
    this.announced = Date.now();
    const files = this.given.all
      .filter((item) => item.role !== 'trust' && (item.role !== 'policy' || item.mine))
      .map(({ file, name, folder, path, role }) => ({ file, name, folder, path, role }));
    this.runner.start(
      { kind: 'verify', files, trust: isEmpty(this.trust) ? null : toBytes(this.trust), rpc: wishes.rpc.urls, quorum: wishes.quorum, gateways: wishes.gateways.urls, again: again && this.unchanged },
      {
        progress: (told) => this.showProgress(told),
        done: (result) => this.finish(result, null),
        failed: (failure) => this.finish(null, failure ?? { code: null, message: '', hint: null }),
      },
    );
  }

  private finish(result: Result | null, failure: Failure | null): void {
    const { m } = this;
    this.result = result;
    this.failure = failure;
    this.unchanged = result !== null;
    this.setPhase(result ? 'done' : 'failed');
    this.showGo();
    this.showProgress(null);
    this.showResult();
    this.at('result').focus({ preventScroll: true });
    this.at('result').scrollIntoView({ block: 'start' });
    const verdict = result?.report?.verdict ?? result?.absences[0]?.verdict;
    this.say(verdict ? m.verdict.announce(result?.report ? m.verdict[verdict] : m.verdict.word[verdict]) : m.progress.failed);
  }

  private cancel(): void {
    this.runner.cancel();
    this.unchanged = false;
    this.fetching?.abort();
    this.fetching = null;
    this.setPhase('idle');
    this.showGo();
    this.showProgress(null);
    this.say(this.m.progress.cancelled);
    replace(this.at('result'), h('p', { class: 'note-line' }, this.m.progress.cancelled));
    this.at('check').focus();
  }

  /** Also for whoever drives the page from outside: `data-phase` and `data-verdict` of the root element. */
  private setPhase(phase: Phase): void {
    this.phase = phase;
    document.documentElement.dataset['phase'] = phase;
    document.documentElement.dataset['verdict'] = phase === 'done' ? (this.result?.report?.verdict ?? this.result?.absences[0]?.verdict ?? '') : '';
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
    if (told.all > 0) bar.value = told.done / told.all;
    else bar.removeAttribute('value');
    const what = told.what === 'read' ? m.progress.reading(told.name) : told.what === 'ask' ? (m.progress.kinds[told.name as keyof Messages['progress']['kinds']] ?? m.progress.asking(told.name)) : m.progress.checking;
    const colon = m.lang === 'zh' ? '：' : ': ';
    this.at('doing').textContent = what + (told.all > 0 ? `${colon}${m.progress.of(bytesText(m, told.done), bytesText(m, told.all))}` : '');
    if (told.all > 0 && Date.now() - this.announced >= ANNOUNCE_EVERY_MS) {
      this.announced = Date.now();
      this.say(m.progress.percent(Math.floor((100 * told.done) / told.all)));
    }
  }

  // --------------------------------------------------------------------------------------------------------- results

  private showResult(): void {
    const { m } = this;
    const target = this.at('result');
    if (this.failure) return replace(target, this.failureView(m, this.failure));
    if (!this.result) return replace(target);
    const { report, details, absences } = this.result;
    const quote = report ? this.quote() : '';
    replace(
      target,
      h('h2', {}, m.verdict.heading),
      report
        ? [
            verdictView(m, report),
            provedView(m, report),
            this.questions(report.anchors, details?.anchors ?? []),
            h('section', {}, h('h2', {}, m.ladder.heading), ladderView(m, report, details)),
            h('section', {}, h('h2', {}, m.files.heading), filesView(m, report, details)),
            h('section', {}, h('h2', {}, m.quote.heading), h('p', {}, m.quote.lead), h('blockquote', { id: 'quote' }, h('p', {}, quote)), this.copyButton(quote)),
            allChecksView(m, report),
          ]
        : null,
      absences.map((absence) => [
        absence.failure ? this.failureView(m, absence.failure, absence.name) : absenceView(m, absence),
        absence.about && absence.lacking.includes('absence.registry') ? h('section', {}, h('h2', {}, m.trust.questions), this.registryQuestion(absence.about, null, null)) : null,
      ]),
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

  private failureView(m: Messages, failure: Failure, name?: string): HTMLElement {
    const words = failure.code === null ? m.progress.crashed : (noteText(m, { note: failure.message, found: failure.code, code: failure.code }) ?? '');
    const colon = m.lang === 'zh' ? '：' : ': ';
    return h(
      'div',
      { class: 'verdict fail', role: 'alert' },
      h('p', { class: 'verdict-line' }, h('span', { class: 'verdict-mark', 'aria-hidden': 'true' }, '✕'), h('strong', {}, m.progress.failed)),
      name === undefined ? null : h('p', {}, foreign(name)),
      h('p', {}, h('bdi', {}, words)),
      failure.code === null ? null : h('p', { class: 'small' }, m.progress.errorCode, colon, code(failure.code)),
      failure.hint === null || m.lang !== 'en' ? null : h('p', { class: 'small' }, m.progress.hint, colon, foreign(failure.hint)),
    );
  }

  private quote(): string {
    const names = this.given.of('file', 'car').map((item) => item.name.split('/').at(-1)!);
    return quotation(this.m, this.result!.report!, names, new Date());
  }

  private copyButton(text: string): HTMLElement {
    const { m } = this;
    const told = h('span', { class: 'told' });
    const copy = async (): Promise<void> => {
      let done = true;
      try {
        await navigator.clipboard.writeText(plain(text));
      } catch {
        getSelection()?.selectAllChildren(this.at('quote'));
        done = document.execCommand('copy');
      }
      told.textContent = done ? m.quote.copied : m.quote.notCopied;
      this.say(told.textContent);
    };
    return h('p', { class: 'buttons' }, h('button', { type: 'button', id: 'copy', click: () => void copy() }, m.quote.copy), told);
  }

  private questions(anchors: readonly AnchorJson[], details: readonly AnchorDetail[]): HTMLElement | null {
    const { m } = this;
    if (anchors.length === 0) return null;
    const registries = new Map(anchors.map((a) => [`${a.chain_id} ${a.genesis} ${a.registry}`, a]));
    const publishers = new Map(anchors.map((a) => [a.publisher, a]));
    const open = anchors.some((a) => a.registry_name === null || a.publisher_name === null);
    return h(
      'section',
      { class: 'questions' },
      h('h2', {}, open ? m.trust.questions : m.trust.answered),
      open ? h('p', {}, m.trust.questionsLead) : null,
      [...registries.values()].map((a) => this.registryQuestion(a, a.registry_name, details.find((d) => d.transaction === a.transaction)?.codeHash ?? null)),
      [...publishers.values()].map((a) => this.publisherQuestion(a)),
    );
  }

  private registryQuestion(a: Contract, name: string | null, proven: string | null): HTMLElement {
    const { m } = this;
    const hash = proven ?? REGISTRY_CODE_HASH;
    const facts: [string, HTMLElement | string][] = [
      [m.trust.contract, code(a.registry)],
      [m.trust.chain, publicChain(a) === null ? String(a.chain_id) : `${a.chain_id} (${publicChain(a)})`],
      [m.trust.genesis, code(a.genesis)],
      ...(name === null ? ([[`${m.trust.codeHash} (${proven ? m.trust.codeProven : m.trust.codeKnown})`, code(hash)]] as [string, HTMLElement][]) : []),
    ];
    return this.question('registry', m.trust.registryQuestion, [m.trust.registryWhy, m.trust.registryHow], facts, name, m.trust.addRegistry, (chosen) => {
      this.trust = addRegistry(this.trust, { name: chosen, chain_id: a.chain_id, genesis: a.genesis, address: a.registry, code_hash: hash, workspace_chain: false });
    });
  }

  private publisherQuestion(a: AnchorJson): HTMLElement {
    const { m } = this;
    const named = this.result!.report!.checks.some((c) => c.code === 'origin.publisher' && c.expected === null && c.found === a.publisher);
    const why = [m.trust.publisherWhy, m.trust.publisherHow, ...(named ? [m.trust.unnamedPublisher] : [])];
    return this.question('publisher', m.trust.publisherQuestion, why, [[m.trust.key, code(a.publisher)]], a.publisher_name, m.trust.addPublisher, (name) => {
      this.trust = addPublisher(this.trust, { address: a.publisher, name });
    });
  }

  private question(
    id: string, title: string, why: readonly string[], facts: readonly (readonly [string, HTMLElement | string])[], known: string | null, label: string, add: (name: string) => void,
  ): HTMLElement {
    const { m } = this;
    const list = h('dl', { class: 'facts' }, facts.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
    if (known !== null) return h('div', { class: 'question pass', id: `ask-${id}` }, h('h3', {}, title), h('p', {}, m.trust.known(known)), list);
    const inputId = `name-${id}-${facts[0]![0].length}-${document.querySelectorAll('.question').length}`;
    const input = h('input', { id: inputId, autocomplete: 'off', maxlength: '400', 'aria-describedby': `${inputId}-says` });
    const says = h('p', { id: `${inputId}-says`, class: 'problem', role: 'alert' });
    const submit = (event: Event): void => {
      event.preventDefault();
      const name = input.value.normalize('NFC').trim();
      if (!goodName(name)) {
        says.textContent = name === '' ? m.trust.nameNeeded : m.trust.nameBad;
        input.setAttribute('aria-invalid', 'true');
        input.focus();
        return;
      }
      add(name);
      this.trustOpen = true;
      this.showOptions();
      this.run(true);
      this.say(m.trust.added(name));
    };
    return h(
      'form',
      { class: 'question unchecked', id: `ask-${id}`, submit, autocomplete: 'off' },
      h('h3', {}, title),
      why.map((text) => h('p', {}, text)),
      list,
      h('label', { for: inputId }, m.trust.nameLabel),
      input,
      says,
      h('p', { class: 'buttons' }, h('button', { type: 'submit' }, label)),
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
      report
        ? [
            verdictView(m, report),
            provedView(m, report),
            h('section', {}, h('h2', {}, m.ladder.heading), ladderView(m, report, details)),
            h('section', {}, h('h2', {}, m.files.heading), filesView(m, report, details)),
            h('section', {}, h('h2', {}, m.quote.heading), h('blockquote', {}, h('p', {}, this.quote()))),
            allChecksView(m, report),
          ]
        : null,
      absences.filter((absence) => absence.failure === null).map((absence) => absenceView(m, absence)),
      h('p', { class: 'small' }, m.save.made(moment(m, Math.floor(Date.now() / 1000)))),
      h('p', { class: 'small' }, m.page.footer),
    );
    download(this.fileName('html'), 'text/html', [savedPage(m, title, content)]);
  }

  // ---------------------------------------------------------------------------------------------------- opened by link

  private showLink(): void {
    const { m, link } = this;
    if (!link) return replace(this.at('link'));
    const page = new URL(location.href);
    const places = [...new Set(link.urls.map((url) => (url.origin === page.origin ? m.link.here : url.host)))];
    const local = page.protocol === 'file:' && link.urls.length === 0;
    replace(
      this.at('link'),
      h(
        'section',
        { class: 'question unchecked', 'aria-labelledby': 'link-title' },
        h('h2', { id: 'link-title' }, m.link.heading),
        local ? h('p', {}, m.link.local) : link.bad.map((text) => h('p', { class: 'problem' }, m.link.bad(text))),
        link.urls.length ? h('p', {}, m.link.body(places)) : null,
        link.urls.length ? h('ul', { class: 'links' }, link.urls.map((url) => h('li', {}, code(url.href)))) : null,
        h(
          'p',
          { class: 'buttons' },
          link.urls.length ? h('button', { type: 'button', id: 'fetch', class: 'primary', click: () => void this.fetchLink(link) }, m.link.yes) : null,
          h('button', { type: 'button', id: 'no-fetch', click: () => this.closeLink() }, link.urls.length ? m.link.no : m.link.close),
        ),
      ),
    );
  }

  private closeLink(): void {
    this.link = null;
    this.showLink();
    this.at('choose-files').focus();
  }

  private async fetchLink(link: Link): Promise<void> {
    const { m } = this;
    this.link = null;
    this.showLink();
    this.setPhase('running');
    const abort = new AbortController();
    this.fetching = abort;
    this.showGo();
    this.showProgress({ kind: 'progress', what: 'ask', name: link.urls[0]!.host, done: 0, all: 0 });
    this.at('cancel').focus();
    const found: Found[] = [];
    for (const url of link.urls) {
      try {
        found.push(await fetchFile(url, (done, all) => this.showProgress({ kind: 'progress', what: 'read', name: url.pathname.split('/').at(-1)!, done, all }), abort.signal));
      } catch (error) {
        if (abort.signal.aborted) return;
        this.problem = m.link.failed(url.href, error instanceof TooLarge ? m.link.tooLarge : error instanceof Error && error.message.startsWith('HTTP ') ? error.message : url.host);
      }
    }
    this.fetching = null;
    this.setPhase('idle');
    this.showProgress(null);
    const problem = this.problem;
    await this.take(found);
    if (problem !== null) {
      this.problem = problem;
      this.showGive();
    } else if (this.given.of('bundle').length) {
      this.run();
    }
  }
}
