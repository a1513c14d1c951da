// The documentation as pages: axe finds nothing, nothing shifts or scrolls sideways, nothing is asked of another host.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { ARCHIVE, ROOT, axe, browserOnThisMachine, launch, openPage, picture } from './browser.ts';

const { skip } = browserOnThisMachine();
const PAGES = ['index.html', 'index.zh.html', 'docs/index.html', 'docs/cli.html', 'docs/format.html', 'docs/policy.zh.html', 'docs/adr/index.html'];
let browser: Browser;
let folder: string;

before(async () => {
  if (skip) return;
  folder = mkdtempSync(join(tmpdir(), 'docs-pages-'));
  execFileSync(join(dirname(ARCHIVE), 'python'), ['-m', 'tools.docsite', 'build', folder], { cwd: ROOT, stdio: 'pipe' });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

for (const name of PAGES) {
  for (const [kind, options] of Object.entries({
    'light, desktop': { colorScheme: 'light', viewport: { width: 1280, height: 800 } },
    'dark, phone': { colorScheme: 'dark', viewport: { width: 360, height: 740 } },
  } as const)) {
    test(`${name}, ${kind}: readable by everybody`, { skip }, async () => {
      const { page, context, watch } = await openPage(browser, { ...options, javaScriptEnabled: true });
      await page.goto(pathToFileURL(join(folder, name)).href);
      assert.deepEqual(await axe(page), []);
      assert.deepEqual(watch.requests.filter((url) => !url.startsWith('file:')), []);
      assert.deepEqual(watch.complaints, []);
      assert.equal(await watch.layoutShift(), 0);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth), false, 'scrolls sideways');
      await picture(page, `docs-${name.replace(/[/.]/g, '-')}-${kind.replace(', ', '-')}`);
      await context.close();
    });
  }
}
