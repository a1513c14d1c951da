/** Whom the reader trusts, and whom they want asked. */
import { type Child, code, foreign, h } from './dom.ts';
import type { Messages } from './i18n/index.ts';
import { download } from './save.ts';
import { isEmpty, otherEntries, type Publisher, type Registry, toBytes, type TrustJson } from './trust.ts';

/** What the fields hold, as typed. */
export interface AskedFor {
  readonly rpc: string;
  readonly quorum: string;
  readonly gateways: string;
}

export interface OptionActs {
  loadTrust(file: File): void;
  forget(which: Registry | Publisher): void;
  ask(asked: AskedFor): void;
  /** A part was opened or closed. */
  toggled(part: 'trust' | 'ask', open: boolean): void;
}

function part(id: 'trust' | 'ask', title: string, open: boolean, acts: OptionActs, ...content: Child[]): HTMLElement {
  const toggle = (event: Event): void => acts.toggled(id, (event.target as HTMLDetailsElement).open);
  return h('details', { class: 'option', id, open, toggle }, h('summary', { id: `${id}-summary` }, title), h('div', {}, content));
}

export function trustView(m: Messages, trust: TrustJson, open: boolean, acts: OptionActs): HTMLElement {
  const input = h('input', {
    type: 'file',
    id: 'trust-file',
    accept: '.json',
    class: 'unseen',
    tabindex: '-1',
    'aria-hidden': 'true',
  });
  input.addEventListener('change', () => {
    const file = input.files?.[0];
    if (file) acts.loadTrust(file);
  });
  const listed = (title: string, items: readonly (Registry | Publisher)[]): Child =>
    items.length
      ? [
          h('h3', {}, title),
          h(
            'ul',
            { class: 'trusted' },
            items.map((item) => trustedView(m, item, acts)),
          ),
        ]
      : null;
  const save = (): void => download('trust.json', 'application/json', [toBytes(trust)]);
  return part(
    'trust',
    m.trust.heading,
    open,
    acts,
    isEmpty(trust) ? h('p', {}, m.trust.none) : null,
    listed(m.trust.registries, trust.registries),
    listed(m.trust.publishers, trust.publishers),
    otherEntries(trust) ? h('p', {}, m.trust.other(otherEntries(trust))) : null,
    h(
      'p',
      { class: 'buttons' },
      h('button', { type: 'button', id: 'trust-load', click: () => input.click() }, m.trust.load),
      isEmpty(trust) ? null : h('button', { type: 'button', id: 'trust-save', click: save }, m.trust.save),
      input,
    ),
    h('p', { class: 'small' }, m.trust.session),
  );
}

function trustedView(m: Messages, item: Registry | Publisher, acts: OptionActs): HTMLElement {
  const forget = { type: 'button', class: 'plain', 'aria-label': m.trust.forgetNamed(item.name), click: () => acts.forget(item) };
  return h('li', {}, h('span', {}, foreign(item.name), ' ', code(item.address)), h('button', forget, m.trust.forget));
}

export function askView(m: Messages, asked: AskedFor, open: boolean, acts: OptionActs): HTMLElement {
  const lines = { rows: '2', spellcheck: 'false', autocapitalize: 'off', dir: 'ltr', class: 'wide' };
  const rpc = h('textarea', { id: 'rpc', ...lines, 'aria-describedby': 'rpc-help' }, asked.rpc);
  const gateways = h('textarea', { id: 'gateways', ...lines, 'aria-describedby': 'gateways-help' }, asked.gateways);
  const quorum = h('input', {
    id: 'quorum',
    inputmode: 'numeric',
    size: '3',
    value: asked.quorum,
    'aria-describedby': 'quorum-help',
    autocomplete: 'off',
  });
  const changed = (): void => acts.ask({ rpc: rpc.value, quorum: quorum.value, gateways: gateways.value });
  const field = (element: HTMLElement, label: string, help: string): Child => {
    element.addEventListener('input', changed);
    return [h('label', { for: element.id }, label), element, h('p', { class: 'small', id: `${element.id}-help` }, help)];
  };
  return part(
    'ask',
    m.ask.heading,
    open,
    acts,
    h('p', {}, m.ask.body),
    field(rpc, m.ask.rpc, m.ask.rpcHelp),
    field(quorum, m.ask.quorum, m.ask.quorumHelp),
    field(gateways, m.ask.gateways, m.ask.gatewaysHelp),
  );
}
