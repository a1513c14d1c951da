// Large files in a real Chromium: from a page on the disk, in a worker, under policies that allow more or less.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { digestBytes } from '../../src/hash/file.ts';
import { random, randomBytes } from '../random.ts';
import { ROOT, browserOnThisMachine, launch } from '../browser/browser.ts';

const { skip } = browserOnThisMachine();
const WEB = join(ROOT, 'web');
const folder = mkdtempSync(join(tmpdir(), 'verifier-hash-'));
const file = join(folder, 'large.bin');
let browser: Browser;
let script: string;

// Tells what it used beside the digest: threads are counted where they are made.
const WORKER = `
import { hashFile } from ${JSON.stringify(join(WEB, 'src/hash/file.ts'))};
import { isFast } from ${JSON.stringify(join(WEB, 'src/hash/sha256.ts'))};
let opened = 0, answered = 0;
const Real = self.Worker;
self.Worker = class extends Real {
  constructor(url) {
    super(url);
    opened += 1;
    this.addEventListener('message', ({ data }) => { if (data.ready) answered += 1; });
  }
};
self.onmessage = async ({ data: { file, refuse } }) => {
  if (refuse) self.Worker = class { constructor() { throw new DOMException('refused', 'SecurityError'); } };
  let told = 0;
  const digest = await hashFile(file, { onProgress: (done, all) => { told = done / all; } });
  self.postMessage({ digest, told, fast: isFast(), opened, answered });
};
`;

before(async () => {
  if (skip) return;
  const data = Buffer.alloc(40 * 1024 * 1024 + 77, randomBytes(random(9), 65_537));
  writeFileSync(file, data);
  writeFileSync(join(folder, 'worker.ts'), WORKER);
  const esbuild = join(WEB, 'node_modules', '.bin', 'esbuild');
  script = execFileSync(esbuild, [join(folder, 'worker.ts'), '--bundle', '--minify', '--format=iife', '--target=es2022'], {
    cwd: WEB, encoding: 'utf8', env: { ...process.env, NODE_PATH: join(WEB, 'node_modules') },
  });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

const MAIN = `
window.hash = (refuse) => new Promise((resolve, reject) => {
  const worker = new Worker(URL.createObjectURL(new Blob([document.getElementById('worker').textContent])));
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = (event) => reject(new Error(event.message));
  worker.postMessage({ file: document.getElementById('file').files[0], refuse });
});
`;

const mainHash = createHash('sha256').update(MAIN).digest('base64');

async function hashed(policy: string, refuse = false) {
  const page = await browser.newPage();
  const html = `<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="default-src 'none'; ${policy}">
    <input type="file" id="file"><script type="text/plain" id="worker">${script}</script><script>${MAIN}</script>`;
  const path = join(folder, 'page.html');
  writeFileSync(path, html);
  await page.goto(`file://${path}`);
  await page.setInputFiles('#file', file);
  type Hash = (refuse: boolean) => Promise<Record<string, unknown>>;
  const found = await page.evaluate((no) => (window as unknown as { hash: Hash }).hash(no), refuse);
  await page.close();
  return found;
}

const expected = () => digestBytes(new Uint8Array(readFileSync(file)));

test('as the page does it: WebAssembly, and a thread beside the reading', { skip }, async () => {
  const found = await hashed(`script-src 'sha256-${mainHash}' 'wasm-unsafe-eval'; worker-src blob:`);
  assert.deepEqual(found, { digest: expected(), told: 1, fast: true, opened: 1, answered: 1 });
});

test('a worker that may make no other does it by itself', { skip }, async () => {
  const found = await hashed(`script-src 'sha256-${mainHash}' 'wasm-unsafe-eval'; worker-src blob:`, true);
  assert.deepEqual(found, { digest: expected(), told: 1, fast: true, opened: 0, answered: 0 });
});

test('a policy that forbids WebAssembly makes it slow and not wrong', { skip }, async () => {
  const found = await hashed(`script-src 'sha256-${mainHash}'; worker-src blob:`);
  assert.deepEqual(found, { digest: expected(), told: 1, fast: false, opened: 0, answered: 0 });
});
