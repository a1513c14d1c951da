/** Where files are given, and the list of what was given. */
import { type Child, foreign, h } from './dom.ts';
import { type Found, type Given, picked } from './given.ts';
import type { Messages } from './i18n/index.ts';
import { bytesText } from './words.ts';

export interface GiveActs {
  take(found: readonly Found[]): void;
  /** Whether a trust file or policy is the reader's own. */
  setMine(item: Given, mine: boolean): void;
  /** Check this bundle and not the first. */
  instead(item: Given): void;
  /** One of them, or all. */
  remove(item: Given | null): void;
}

const LISTED = 50;

export function giveView(m: Messages, items: readonly Given[], problem: string | null, acts: GiveActs): Child {
  const files = fileInput('files', { multiple: true }, acts);
  const folder = fileInput('folder', { webkitdirectory: true }, acts);
  return [
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
    problem === null ? null : h('p', { class: 'problem', role: 'alert' }, problem),
    items.length === 0 ? null : listView(m, items, acts),
  ];
}

/** Pressed through its button, which every keyboard and screen reader knows. */
function fileInput(id: string, kind: { multiple?: boolean; webkitdirectory?: boolean }, acts: GiveActs): HTMLInputElement {
  const input = h('input', { type: 'file', id, ...kind, class: 'unseen', tabindex: '-1', 'aria-hidden': 'true' });
  input.addEventListener('change', () => {
    const found = picked([...(input.files ?? [])]);
    input.value = '';
    acts.take(found);
  });
  return input;
}

function listView(m: Messages, items: readonly Given[], acts: GiveActs): HTMLElement {
  return h(
    'div',
    { class: 'given' },
    h('h3', { id: 'given-title', tabindex: '-1' }, m.give.listed),
    h(
      'ul',
      {},
      items.slice(0, LISTED).map((item) => itemView(m, item, acts)),
    ),
    items.length > LISTED ? h('p', { class: 'small' }, m.give.more(items.length - LISTED)) : null,
    items.some(isOwn) ? h('p', { class: 'small' }, m.give.mineWhy) : null,
    h('p', {}, h('button', { type: 'button', class: 'plain', click: () => acts.remove(null) }, m.give.clear)),
  );
}

function isOwn(item: Given): boolean {
  return item.role === 'trust' || item.role === 'policy';
}

function itemView(m: Messages, item: Given, acts: GiveActs): HTMLElement {
  const button = (label: string, named: string, click: () => void): HTMLElement =>
    h('button', { type: 'button', class: 'plain', 'aria-label': named, click }, label);
  return h(
    'li',
    {},
    h('span', { class: 'given-name' }, foreign(item.name)),
    h('span', { class: 'given-role' }, `${m.give.roles[item.role]} · ${bytesText(m, item.file.size)}`),
    h(
      'span',
      { class: 'given-acts' },
      isOwn(item) ? mineView(m, item, acts) : null,
      item.role === 'other' ? button(m.give.instead, m.give.insteadNamed(item.name), () => acts.instead(item)) : null,
      button(m.give.remove, m.give.removeNamed(item.name), () => acts.remove(item)),
    ),
  );
}

function mineView(m: Messages, item: Given, acts: GiveActs): HTMLElement {
  const change = (event: Event): void => acts.setMine(item, (event.target as HTMLInputElement).checked);
  return h(
    'label',
    {},
    h('input', { type: 'checkbox', checked: item.mine, 'aria-label': m.give.mineNamed(item.name), change }),
    m.give.mine,
  );
}
