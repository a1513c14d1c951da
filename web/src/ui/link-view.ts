/** What a link asks to be fetched, for the reader to agree to or not. */
import { code, h } from './dom.ts';
import type { Messages } from './i18n/index.ts';
import type { Link } from './links.ts';

export function linkView(m: Messages, link: Link, page: URL, acts: { fetch(): void; close(): void }): HTMLElement {
  const { urls } = link;
  const places = [...new Set(urls.map((url) => (url.origin === page.origin ? m.link.here : url.host)))];
  // A page from a file can fetch no other: the names are as good as any.
  const local = page.protocol === 'file:' && urls.length === 0;
  return h(
    'section',
    { class: 'question unchecked', 'aria-labelledby': 'link-title' },
    h('h2', { id: 'link-title' }, m.link.heading),
    local ? h('p', {}, m.link.local) : link.bad.map((text) => h('p', { class: 'problem' }, m.link.bad(text))),
    urls.length ? h('p', {}, m.link.body(places)) : null,
    urls.length
      ? h(
          'ul',
          { class: 'links' },
          urls.map((url) => h('li', {}, code(url.href))),
        )
      : null,
    h(
      'p',
      { class: 'buttons' },
      urls.length ? h('button', { type: 'button', id: 'fetch', class: 'primary', click: () => acts.fetch() }, m.link.yes) : null,
      h('button', { type: 'button', id: 'no-fetch', click: () => acts.close() }, urls.length ? m.link.no : m.link.close),
    ),
  );
}
