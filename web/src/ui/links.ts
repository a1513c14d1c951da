/** `verifier.html#bundle=URL&files=URL&files=URL&lang=zh`: what a link asks to be fetched. Nothing is fetched before the user agrees. */
import type { Found } from './given.ts';

export interface Link {
  readonly urls: readonly URL[];
  /** Entries that are no address which may be fetched. */
  readonly bad: readonly string[];
}

const MAX_URLS = 1_000;
const MAX_BYTES = 2 ** 32;

export function hashParameters(hash: string): URLSearchParams {
  return new URLSearchParams(hash.replace(/^#/, ''));
}

/** What the link names, resolved against the page; null when it names nothing. */
export function readLink(hash: string, page: URL): Link | null {
  const parameters = hashParameters(hash);
  const named = [...parameters.getAll('bundle'), ...parameters.getAll('files')].filter((text) => text !== '');
  if (named.length === 0) return null;
  const urls: URL[] = [];
  const bad: string[] = [];
  for (const text of named.slice(0, MAX_URLS)) {
    const url = resolve(text, page);
    if (url) urls.push(url);
    else bad.push(text);
  }
  return { urls, bad };
}

function resolve(text: string, page: URL): URL | null {
  try {
    const url = new URL(text, page);
    url.hash = '';
    // A page of the web does not reach into this machine by a stranger's link, not even when its reader says yes.
    if (isLocal(url.hostname) && page.protocol !== 'file:' && !isLocal(page.hostname)) return null;
    const plainHttp = url.protocol === 'http:' && (url.origin === page.origin || isLocal(url.hostname));
    return (url.protocol === 'https:' || plainHttp) && url.username === '' && url.password === '' ? url : null;
  } catch {
    return null;
  }
}

export function isLocal(host: string): boolean {
  return /^(localhost|.+\.localhost|127(\.[0-9]+){3}|0\.0\.0\.0|\[::1?\])\.?$/.test(host);
}

export class TooLarge extends Error {}

/** Fetches one file whole. Redirects are refused: the user agreed to one place. */
export async function fetchFile(url: URL, progress: (done: number, all: number) => void, signal: AbortSignal): Promise<Found> {
  const response = await fetch(url, {
    credentials: 'omit',
    referrerPolicy: 'no-referrer',
    redirect: 'error',
    cache: 'no-store',
    signal,
  });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const all = Number(response.headers.get('content-length') ?? 0);
  if (all > MAX_BYTES) throw new TooLarge();
  const parts: Blob[] = [];
  let done = 0;
  const reader = response.body!.getReader();
  for (;;) {
    const { value, done: end } = await reader.read();
    if (end) break;
    done += value.length;
    if (done > MAX_BYTES) throw new TooLarge();
    // A blob of its own may lie on disk, which an array never does.
    parts.push(new Blob([value as Uint8Array<ArrayBuffer>]));
    progress(done, Math.max(all, done));
  }
  const segments = url.pathname.split('/').filter(Boolean).map(decode);
  const name = segments.at(-1) ?? url.host;
  return { file: new File(parts, name), folder: null, path: null, place: segments.join('/') };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment).replaceAll('/', '_');
  } catch {
    return segment;
  }
}
