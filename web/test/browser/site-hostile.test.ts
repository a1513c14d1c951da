// A dossier whose every text tries to run: its pages run nothing, ask nobody, and show what they were given as text.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { axe, browserOnThisMachine, launch, openPage, picture, serve } from './browser.ts';
import { HOSTILE_ID, writeHostileDossier } from './hostile.ts';
import { buildHostileSite, buildSiteOf, pagesOf, type Built } from './pages.ts';

const { skip } = browserOnThisMachine();
let browser: Browser;
let built: Built;
let server: { url: string; close: () => Promise<void> };

before(async () => {
  if (skip) return;
  built = buildHostileSite();
  server = await serve(built.folder, '/');
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.close();
  built?.remove();
});

test('a page that does run something is seen to', { skip }, async () => {
  const control = join(built.root, 'control.html');
  writeFileSync(control, '<!doctype html><script>window.__marker=1;alert(1)</script><img src="https://evil.example/x.png"><p onmouseover="">');
  const { page, context, watch } = await openPage(browser);
  await page.goto(pathToFileURL(control).href);
  assert.equal(await watch.marker(), 1);
  assert.deepEqual(watch.dialogs, ['1']);
  assert.ok(watch.requests.includes('https://evil.example/x.png'));
  assert.ok(watch.complaints.length > 0);
  await context.close();
});

for (const place of ['disk', 'server'] as const) {
  test(`nothing runs on any of its pages, from a ${place}`, { skip }, async () => {
    const base = place === 'disk' ? pathToFileURL(built.folder).href + '/' : server.url;
    const pages = pagesOf(built.folder).filter((name) => name !== 'verifier.html');
    assert.ok(pages.filter((name) => name.includes(HOSTILE_ID)).length >= 16, pages.join(' '));
    for (const name of pages) {
      const { page, context, watch } = await openPage(browser, { viewport: { width: 1280, height: 900 } });
      await page.goto(base + name);
      // What waits for a person: every control is focused and pressed, every part opened, all of it scrolled through.
      await page.evaluate(() => {
        for (const part of document.querySelectorAll('details')) part.open = true;
        for (const control of document.querySelectorAll<HTMLElement>('button, input, [tabindex], a')) control.focus();
        for (const control of document.querySelectorAll<HTMLElement>('button')) control.click();
        for (const node of document.querySelectorAll('*')) node.dispatchEvent(new MouseEvent('mouseover', { bubbles: true }));
        window.scrollTo(0, document.body.scrollHeight);
      });
      await page.waitForTimeout(50);
      assert.equal(await watch.marker(), null, name);
      assert.deepEqual(watch.dialogs, [], name);
      assert.deepEqual(watch.complaints, [], name);
      assert.deepEqual(await watch.refusals(), [], name);
      assert.deepEqual(watch.requests.filter((url) => !url.startsWith(base) && !url.startsWith('data:')), [], name);
      assert.equal(page.url().split('#')[0], base + name);
      // What the text would have become: no element of it, no handler, no address that runs.
      const made = await page.evaluate(() => ({
        scripts: [...document.scripts].filter((script) => script.type !== 'application/ld+json' && !/\/(assets|search)\/[\w-]+\.js$/.test(script.src)).length,
        handlers: [...document.querySelectorAll('*')].filter((node) => node.getAttributeNames().some((attribute) => attribute.startsWith('on'))).length,
        running: [...document.querySelectorAll('[href], [src], [action], [srcdoc], base, iframe, object, embed, form, meta[http-equiv=refresh]')].filter(
          (node) => /^\s*(javascript|data|vbscript):/i.test(node.getAttribute('href') ?? node.getAttribute('src') ?? '') || ['BASE', 'IFRAME', 'OBJECT', 'EMBED', 'FORM', 'META'].includes(node.tagName),
        ).length,
        styles: document.querySelectorAll('style, [style]').length,
      }));
      assert.deepEqual(made, { scripts: 0, handlers: 0, running: 0, styles: 0 }, name);
      if (place === 'server' && name.startsWith('en/')) assert.deepEqual(await axe(page), [], name);
      if (place === 'server' && /en\/.*\/(index|claims|evidence)\.html$/.test(name)) await picture(page, `hostile-${name.replaceAll('/', '-').replace('.html', '')}`);
      await context.close();
    }
  });
}

test('its texts are read as they were written', { skip }, async () => {
  const { page, context } = await openPage(browser);
  await page.goto(`${server.url}en/${HOSTILE_ID}/index.html`);
  const text = await page.locator('body').innerText();
  assert.match(text, /<(script|img|svg|a|link|iframe)\b/);
  await page.goto(`${server.url}en/${HOSTILE_ID}/proof.html`);
  const proof = (await page.locator('main').innerText()).replace(/\s+/g, ' ');
  assert.ok(proof.includes('<svg onload=window.__marker=1;alert(1)>'), 'the reason of the retraction');
  assert.ok(proof.includes('<script>window.__marker=1;alert(1)</script>'), 'the name of the key');
  await picture(page, 'hostile-proof', true);
  await context.close();
});

test('searching its texts shows them and runs nothing', { skip }, async () => {
  const { page, context, watch } = await openPage(browser);
  await page.goto(`${server.url}en/index.html`);
  await page.locator('#_query').fill('script');
  await page.locator('#_results li').first().waitFor();
  assert.equal(await watch.marker(), null);
  assert.deepEqual(watch.dialogs, []);
  assert.deepEqual(watch.complaints, []);
  assert.equal(await page.locator('#_results img, #_results script, #_results svg').count(), 0);
  await picture(page, 'hostile-search');
  await context.close();
});

test('no page holds a character that hides or turns text; look-alikes and marks are pointed out', { skip }, async () => {
  for (const name of pagesOf(built.folder).filter((page) => page !== 'verifier.html')) {
    const found = /[\u200b\u200e\u200f\u061c\u00ad\u202a-\u202e\u2066-\u2069\u{e0000}-\u{e007f}]/u.exec(readFileSync(join(built.folder, name), 'utf8'));
    assert.equal(found, null, `${name}: U+${found?.[0].codePointAt(0)?.toString(16)}`);
  }
  const { page, context } = await openPage(browser);
  await page.goto(`${server.url}en/${HOSTILE_ID}/index.html`);
  assert.ok((await page.locator('.mixed').count()) > 0, 'Latin and Cyrillic letters in one word are marked');
  assert.ok((await page.locator('.code-point').count()) > 0, 'a mark of direction is written out');
  await page.goto(`${server.url}en/${HOSTILE_ID}/evidence.html`);
  await picture(page, 'hostile-evidence-alike');
  await context.close();
});

test('no evidence lies on the site under a name or in a form that a browser would run', { skip }, async () => {
  const ours = /^(assets|search)\/|\.html$/;
  const files = readdirSync(built.folder, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(join(built.folder, name)).isFile() && !ours.test(name.replaceAll('\\', '/')));
  for (const name of files) assert.ok(!['.svg', '.xhtml', '.xml', '.js', '.mjs', '.htm', '.html', '.pdf', '.shtml'].includes(extname(name).toLowerCase()), name);
  for (const name of files.filter((one) => /\.(png|csv|txt|json|jsonl)$/.test(one))) {
    const { page, context, watch } = await openPage(browser);
    await page.goto(server.url + name.replaceAll('\\', '/').split('/').map(encodeURIComponent).join('/')).catch(() => undefined); // a download ends the load
    assert.equal(await watch.marker().catch(() => null), null, name);
    assert.deepEqual(watch.dialogs, [], name);
    assert.deepEqual(watch.requests.filter((url) => !url.startsWith(server.url)), [], name);
    await context.close();
  }
});

test('a record that turns the reading direction is not built at all', { skip }, () => {
  assert.throws(
    () =>
      buildSiteOf((folder) => {
        const dossier = writeHostileDossier(folder);
        const file = join(dossier, 'incident.json');
        const value = JSON.parse(readFileSync(file, 'utf8')) as { title: { en: string } };
        value.title.en = 'safe \u202egnp.exe';
        writeFileSync(file, JSON.stringify(value));
        return dossier;
      }),
    /record\.control_character/,
  );
});
