// What the browser tests share: a headless Chromium, a page whose every request and complaint is kept, and a plain file server.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { delimiter, extname, join, normalize, sep } from 'node:path';
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core';

export const ROOT = process.env.VERIFIER_ROOT ?? join(process.cwd(), '..');
export const ARCHIVE = process.env.ARCHIVE_COMMAND ?? join(ROOT, '.venv', 'bin', 'archive');
export const SCREENSHOTS = join(ROOT, 'build', 'screenshots');
export const AXE = readFileSync(createRequire(join(ROOT, 'web', 'package.json')).resolve('axe-core/axe.min.js'), 'utf8');

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

/** The browser on this machine, or why its tests are skipped. With CI set nothing is skipped. */
export function browserOnThisMachine(): { path: string; skip: false } | { path: ''; skip: string } {
  const named = process.env.CHROMIUM;
  const found = named ?? (process.env.PATH ?? '').split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name))).find((path) => existsSync(path));
  if (found !== undefined) return { path: found, skip: false };
  if (process.env.CI) throw new Error('no Chromium on this machine, and CI is set');
  return { path: '', skip: 'no Chromium on this machine (set CHROMIUM to its path)' };
}

export async function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: browserOnThisMachine().path,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-background-networking', '--disable-component-update', '--force-color-profile=srgb'],
  });
}

/** What a page did that a reader would not want: requests, dialogs, complaints on the console, refusals by its policy. */
export interface Watch {
  readonly requests: string[];
  readonly dialogs: string[];
  readonly complaints: string[];
  readonly layoutShift: () => Promise<number>;
  readonly refusals: () => Promise<string[]>;
  readonly marker: () => Promise<unknown>;
}

/** A page in a context of its own. Everything that would leave this machine is recorded and refused. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<{ page: Page; context: BrowserContext; watch: Watch }> {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
  const page = await context.newPage();
  const requests: string[] = [];
  const dialogs: string[] = [];
  const complaints: string[] = [];
  context.on('request', (request) => requests.push(request.url()));
  page.on('dialog', (dialog) => {
    dialogs.push(dialog.message());
    void dialog.dismiss();
  });
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(`${message.type()}: ${message.text()}`);
  });
  await context.route(/^(?!file:|data:|blob:|http:\/\/127\.0\.0\.1[:/])/, (route) => route.abort());
  await page.addInitScript(() => {
    const seen = { shift: 0, refused: [] as string[] };
    Object.defineProperty(window, '__seen', { value: seen });
    document.addEventListener('securitypolicyviolation', (event) => seen.refused.push(`${event.violatedDirective} ${event.blockedURI}`));
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as unknown as { value: number; hadRecentInput: boolean }[]) if (!entry.hadRecentInput) seen.shift += entry.value;
    }).observe({ type: 'layout-shift', buffered: true });
  });
  const seen = <T>(name: string): Promise<T> => page.evaluate((key) => (window as unknown as { __seen: Record<string, unknown> }).__seen[key] as never, name);
  return {
    page,
    context,
    watch: {
      requests,
      dialogs,
      complaints,
      layoutShift: () => seen<number>('shift'),
      refusals: () => seen<string[]>('refused'),
      marker: () => page.evaluate(() => (window as unknown as Record<string, unknown>).__marker ?? null),
    },
  };
}

/** What axe finds, a line each. Its script goes in by the debugger, so no policy of the page has to allow it; it fetches nothing. */
export async function axe(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const run = (window as unknown as { axe: { run: (where: Document, options: object) => Promise<{ violations: { id: string; help: string; nodes: { html: string; target: unknown[] }[] }[] }> } }).axe.run;
    return (await run(document, { preload: false, runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })).violations;
  });
  return found.flatMap((rule) => rule.nodes.slice(0, 3).map((node) => `${rule.id}: ${rule.help}: ${JSON.stringify(node.target)} ${node.html.slice(0, 160)}`));
}

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8', '.css': 'text/css; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.json': 'application/json', '.svg': 'image/svg+xml',
  '.png': 'image/png', '.jpg': 'image/jpeg', '.webp': 'image/webp', '.gif': 'image/gif', '.txt': 'text/plain; charset=utf-8', '.csv': 'text/csv; charset=utf-8', '.zip': 'application/zip',
};

/** Serves a folder below a deep path, as a gateway does: no headers of its own, no rewriting. */
export async function serve(folder: string, prefix: string): Promise<{ url: string; close: () => Promise<void> }> {
  const server: Server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname);
    const file = normalize(join(folder, path.startsWith(prefix) ? path.slice(prefix.length) : '\0'));
    const aim = existsSync(file) && statSync(file).isDirectory() && path.endsWith('/') ? join(file, 'index.html') : file;
    if (file.includes('\0') || !(aim + sep).startsWith(normalize(folder) + sep) || !existsSync(aim) || statSync(aim).isDirectory()) {
      response.writeHead(404, { 'Content-Type': 'text/plain' }).end('not here');
      return;
    }
    response.writeHead(200, { 'Content-Type': TYPES[extname(aim)] ?? 'application/octet-stream' }).end(readFileSync(aim));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${prefix}`,
    close: () => new Promise((resolve) => { server.closeAllConnections(); server.close(() => resolve()); }),
  };
}

/** Runs `archive`; what it prints on standard output. */
export function archive(args: readonly string[], workspace: string): string {
  return execFileSync(ARCHIVE, [...args], {
    cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 26, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ARCHIVE_WORKSPACE: workspace, NO_COLOR: '1' },
  });
}

/** Keeps a picture for people to look at. */
export async function picture(page: Page, name: string, whole = false): Promise<void> {
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: whole, animations: 'disabled' });
}
