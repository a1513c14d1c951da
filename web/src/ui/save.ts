/** Handing files to the user: a report as HTML that needs nothing else, JSON, a trust file. */
import { h } from './dom.ts';
import type { Messages } from './i18n/index.ts';
import { visible } from './visible.ts';

export function download(name: string, type: string, parts: BlobPart[]): void {
  const url = URL.createObjectURL(new Blob(parts, { type }));
  const link = h('a', { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/**
 * A page of its own from elements of this one: every list whole, every part open, nothing that could be pressed.
 * The text is escaped by the browser's own serialiser, and the policy inside lets nothing run or be fetched.
 */
export function savedPage(m: Messages, title: string, content: HTMLElement): string {
  for (
    let more = content.querySelector<HTMLButtonElement>('button.more:not([hidden])');
    more;
    more = content.querySelector<HTMLButtonElement>('button.more:not([hidden])')
  )
    more.click();
  for (const button of content.querySelectorAll('button, input, form, label')) button.remove();
  for (const part of content.querySelectorAll('details')) part.open = true;
  const style = document.querySelector('style')!.textContent;
  const hash =
    /style-src ('sha256-[A-Za-z0-9+/=]+')/.exec(document.querySelector<HTMLMetaElement>('meta[http-equiv]')!.content)?.[1] ??
    "'none'";
  const page = h(
    'html',
    { lang: m.tag },
    h(
      'head',
      {},
      h('meta', { charset: 'utf-8' }),
      h('meta', {
        'http-equiv': 'Content-Security-Policy',
        content: `default-src 'none'; style-src ${hash}; base-uri 'none'; form-action 'none'`,
      }),
      h('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
      h('meta', { name: 'referrer', content: 'no-referrer' }),
      h('title', {}, visible(title)),
      h('style', {}, style),
    ),
    h('body', { class: 'saved' }, content),
  );
  return `<!doctype html>\n${page.outerHTML}\n`;
}
