import { visible } from './visible.ts';

export type Child = Node | string | null | undefined | false | readonly Child[];
type Attributes = Record<string, string | number | boolean | null | undefined | ((event: Event) => void)>;

/**
 * An element. Children that are strings become text and nothing else; there is no way from here to HTML.
 * An attribute that is a function is a listener; `true` sets it empty, null and false leave it out.
 */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false)
      element.setAttribute(name, value === true ? '' : String(value));
  }
  add(element, children);
  return element;
}

function add(element: Node, children: readonly Child[]): void {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (typeof child === 'string') element.appendChild(document.createTextNode(child));
    else if (child instanceof Node) element.appendChild(child);
    else add(element, child as readonly Child[]);
  }
}

export function replace(element: Element, ...children: Child[]): void {
  element.replaceChildren();
  add(element, children);
}

/** Text of others: visible, and isolated from the direction of the text around it. */
export function foreign(text: string, className?: string): HTMLElement {
  return h('bdi', { class: className }, visible(text));
}

/** A hash, an address, an id: breaks anywhere, read left to right in every language. */
export function code(text: string): HTMLElement {
  return h('code', { dir: 'ltr', translate: 'no' }, visible(text));
}

/** Names and values, side by side. */
export function factList(rows: readonly (readonly [string, Child])[]): HTMLElement {
  return h(
    'dl',
    { class: 'facts' },
    rows.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
  );
}
