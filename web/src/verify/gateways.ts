/** Asking IPFS gateways that the user named for the package: only a whole download, hashed here, shows that it is there. */
import { ArchiveError } from '../errors.ts';
import { verifyCar } from '../format/car.ts';
import type { StoreAnswer } from './facts.ts';

export interface GatewayOptions {
  /** For the first byte, and then for each further one; default 60,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** In place of the global one, for tests. */
  readonly fetch?: typeof fetch;
  readonly onProgress?: ((gateway: string, bytes: number) => void) | undefined;
}

export interface Download {
  readonly answer: StoreAnswer;
  /** The CAR, verified whole; null unless the answer is `good`. */
  readonly car: Blob | null;
}

/** Larger packages are for `archive get`: a page would have to hold them. */
export const MAX_DOWNLOAD = 2 ** 31;
const TIMEOUT_MS = 60_000;
const CAR = 'application/vnd.ipld.car; version=1; order=dfs; dups=n';
// A header without any block: a gateway that had said yes before it noticed that it lacks the root.
const EMPTY_CAR = 60;

/** Asks each gateway, one after the other; all are asked, so that each is shown with what it sent. */
export async function askGateways(contentId: string, urls: readonly string[], options: GatewayOptions = {}): Promise<Download[]> {
  const downloads: Download[] = [];
  for (const url of new Set(urls)) downloads.push(await askGateway(contentId, url, options));
  return downloads;
}

async function askGateway(contentId: string, url: string, options: GatewayOptions): Promise<Download> {
  const host = hostOf(url);
  const store = `gateway ${host ?? '(malformed URL)'}`;
  const answer = (outcome: StoreAnswer['outcome'], detail: string | null, car: Blob | null = null): Download => ({
    answer: { store, operator: host ?? 'unknown', outcome, detail },
    car,
  });
  if (host === null) return answer('unreachable', 'not an HTTP URL of a gateway');
  let car: Blob | string;
  try {
    car = await download(`${url.replace(/\/+$/, '')}/ipfs/${contentId}?format=car&dag-scope=all`, store, options);
  } catch (error) {
    if (error instanceof Absent) return answer('absent', error.message);
    if (options.signal?.aborted) throw error;
    // Browsers do not tell why a request failed; a page of another site that may not ask is one reason.
    if (error instanceof Unreachable) return answer('unreachable', error.message);
    throw error;
  }
  if (typeof car === 'string') return answer('wrong', car);
  try {
    await verifyCar(car, { contentId, ...(options.signal === undefined ? {} : { signal: options.signal }) });
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    return answer('wrong', error.message);
  }
  return answer('good', null, car);
}

class Absent extends Error {}
class Unreachable extends Error {}

/** The bytes of the answer; a text says why they are no CAR at all. */
async function download(url: string, store: string, options: GatewayOptions): Promise<Blob | string> {
  const control = new AbortController();
  const stop = (): void => control.abort();
  const wait = options.timeoutMs ?? TIMEOUT_MS;
  let timer = setTimeout(stop, wait);
  options.signal?.addEventListener('abort', stop);
  try {
    const response = await (options.fetch ?? fetch)(url, {
      headers: { Accept: CAR },
      signal: control.signal,
      credentials: 'omit',
      cache: 'no-store',
      referrerPolicy: 'no-referrer',
    });
    if (response.status === 404 || response.status === 410) throw new Absent(`HTTP ${response.status}`);
    if (response.status !== 200) throw new Unreachable(`HTTP ${response.status}`);
    if (response.headers.get('Content-Type')?.startsWith('text/html')) {
      control.abort();
      return 'answered a web page instead of the package';
    }
    const parts: Uint8Array<ArrayBuffer>[] = [];
    let size = 0;
    const reader = response.body?.getReader();
    for (let next = await reader?.read(); next !== undefined && !next.done; next = await reader?.read()) {
      clearTimeout(timer);
      timer = setTimeout(stop, wait);
      parts.push(next.value);
      size += next.value.length;
      options.onProgress?.(store, size);
      if (size > MAX_DOWNLOAD) {
        control.abort();
        throw new Unreachable(`more than ${MAX_DOWNLOAD} bytes; fetch it with archive get`);
      }
    }
    if (size <= EMPTY_CAR) throw new Absent('an empty CAR');
    return new Blob(parts);
  } catch (error) {
    if (error instanceof Absent || error instanceof Unreachable) throw error;
    if (options.signal?.aborted) throw error;
    throw new Unreachable(control.signal.aborted ? `no answer for ${wait / 1000} s` : 'no answer; it may not let pages of other sites ask (CORS)');
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', stop);
  }
}

function hostOf(url: string): string | null {
  try {
    const parts = new URL(url);
    return parts.protocol === 'https:' || parts.protocol === 'http:' ? parts.host : null;
  } catch {
    return null;
  }
}
