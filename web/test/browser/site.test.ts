// The explorer as people use it: from a disk and from a gateway's path, with and without JavaScript, in both languages.
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { axe, browserOnThisMachine, launch, openPage, picture, serve, type Watch } from './browser.ts';
import { DRAFT, PUBLISHED, buildSite, kinds, pagesOf, type Built } from './pages.ts';

const { skip } = browserOnThisMachine();
const DEEP = '/ipfs/bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi/2026/site/';
const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 360, height: 740 };
const BUDGET = 200_000;

let browser: Browser;
let built: Built;
let server: { url: string; close: () => Promise<void> };
const places: Record<string, () => string> = {
  'from a disk': () => pathToFileURL(built.folder).href + '/',
  'from a deep path of a plain server': () => server.url,
};

before(async () => {
  if (skip) return;
  built = buildSite();
  server = await serve(built.folder, DEEP);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.close();
  built?.remove();
});

/** Nothing was asked of another host, nothing popped up, nothing was refused or complained of. */
async function assertQuiet(watch: Watch, place: string): Promise<void> {
  assert.deepEqual(watch.requests.filter((url) => !url.startsWith(place) && !url.startsWith('data:') && !url.startsWith('blob:')), []);
  assert.deepEqual(watch.dialogs, []);
  assert.deepEqual(watch.complaints, []);
  assert.deepEqual(await watch.refusals(), []);
}

const inner = async (page: Page): Promise<string> => (await page.locator('main').innerText()).replace(/\s+/g, ' ');

for (const [name, place] of Object.entries(places)) {
  describe(name, () => {
    test('reading without JavaScript', { skip }, async () => {
      const { page, context, watch } = await openPage(browser, { viewport: DESKTOP, javaScriptEnabled: false });
      await page.goto(place() + 'index.html');
      await page.getByRole('link', { name: 'English' }).click();
      assert.equal(await page.locator('html').getAttribute('lang'), 'en');
      assert.equal(await page.locator('.card').count(), 3);
      assert.equal(await page.locator('#_search').isVisible(), false, 'a search that cannot work is not shown');
      await page.locator(`.card a[href*="${PUBLISHED}"]`).first().click();
      await page.locator('h1').waitFor();
      const events = page.locator('ol.events > li.event');
      assert.ok((await events.count()) > 20);
      assert.match(await events.first().innerText(), /\d{4}/);
      await page.locator('nav.sections').getByRole('link', { name: /^Claims/ }).click();
      const claims = await inner(page);
      for (const word of ['asserted', 'contradicted', 'disputed']) assert.match(claims, new RegExp(word, 'i'));
      await page.locator('nav.sections').getByRole('link', { name: /^Evidence/ }).click();
      assert.match(await inner(page), /[0-9a-f]{64}/);
      await page.locator('nav.sections').getByRole('link', { name: /^Proof/ }).click();
      assert.match(await inner(page), /@misc\{/);
      assert.deepEqual(watch.requests.filter((url) => !url.startsWith(place())), []);
      await context.close();
    });

    test('searching in English and in Chinese, by keyboard', { skip }, async () => {
      const { page, context, watch } = await openPage(browser, { viewport: DESKTOP });
      await page.goto(place() + 'en/index.html');
      await page.locator('#_query').focus();
      await page.keyboard.type('reduce-only', { delay: 5 });
      await page.locator('#_results li').first().waitFor();
      assert.match(await page.locator('#_count').innerText(), /\d/);
      await picture(page, 'site-search-en');
      const link = page.locator('#_results a[href*="#"]').first();
      const words = await link.innerText();
      await link.focus();
      await page.keyboard.press('Enter');
      await page.locator('h1').waitFor();
      const target = decodeURIComponent(new URL(page.url()).hash.slice(1));
      assert.ok(target, `the result leads to an item: ${words}`);
      assert.equal(await page.locator(`[id="${target}"]`).count(), 1);
      await page.goto(place() + 'zh/index.html');
      await page.locator('#_query').fill('只减仓');
      await page.locator('#_results li').first().waitFor();
      assert.match(await page.locator('#_results').innerText(), /只减仓/);
      await picture(page, 'site-search-zh');
      await page.locator('#_query').fill('qqqxyzzy');
      await page.waitForFunction(() => document.querySelectorAll('#_results li').length === 0 && document.querySelector('#_count')?.textContent !== '');
      await page.locator('#_query').fill('<img src=x onerror=alert(1)>');
      await page.waitForTimeout(300);
      await assertQuiet(watch, place());
      await context.close();
    });

    test('switching language keeps the place, and no page is mixed', { skip }, async () => {
      const { page, context, watch } = await openPage(browser, { viewport: DESKTOP });
      for (const section of ['index.html', 'claims.html', 'proof.html']) {
        await page.goto(place() + `en/${PUBLISHED}/${section}`);
        assert.doesNotMatch(await page.locator('nav.sections').innerText(), /[\u4e00-\u9fff]/);
        await page.locator('.lang a').click();
        await page.waitForURL(new RegExp(`/zh/${PUBLISHED}/${section.replace('index.html', '(index.html)?')}`));
        assert.equal(await page.locator('html').getAttribute('lang'), 'zh-Hans');
        assert.match(await page.locator('h1').innerText(), /[\u4e00-\u9fff]/);
        assert.doesNotMatch(await page.locator('nav.sections').innerText(), /[A-Za-z]{3}/);
        await page.locator('.lang a').click();
        await page.waitForURL(new RegExp(`/en/${PUBLISHED}/`));
        assert.equal(await page.locator('html').getAttribute('lang'), 'en');
      }
      await assertQuiet(watch, place());
      await context.close();
    });

    test('the timeline shows two zones and goes down to minutes', { skip }, async () => {
      const { page, context, watch } = await openPage(browser, { viewport: DESKTOP });
      await page.goto(place() + `en/${PUBLISHED}/index.html`);
      const chart = page.locator('#_chart');
      await chart.locator('.tools').waitFor();
      assert.match(await chart.locator('svg').innerHTML(), />UTC</);
      assert.match(await chart.locator('svg').innerHTML(), /UTC\+8|\+08:00/);
      const labels = async (): Promise<string> => (await chart.locator('.ticks text').allTextContents()).join(' ');
      const before = await labels();
      await chart.locator('button[data-do="minutes"]').click();
      const minutes = await labels();
      assert.notEqual(minutes, before);
      assert.match(minutes, /\d\d:\d[1-9]|\d\d:[0-5]5/);
      await picture(page, 'site-timeline-minutes');
      await chart.locator('button[data-do="later"]').focus();
      await page.keyboard.press('Enter');
      assert.notEqual(await labels(), minutes);
      await chart.locator('button[data-do="all"]').click();
      const event = page.locator('ol.events > li.event', { has: page.locator('.local') }).first();
      assert.match(await event.locator('time').innerText(), /UTC/);
      assert.ok((await event.locator('.local').innerText()).length > 0);
      await assertQuiet(watch, place());
      await context.close();
    });

    test('the verifier opens from the page of a publication', { skip }, async () => {
      const { page, context, watch } = await openPage(browser, { viewport: DESKTOP });
      await page.goto(place() + `en/${PUBLISHED}/proof.html`);
      await page.getByRole('link', { name: /open the verifier/i }).click();
      await page.waitForURL(/verifier\.html/);
      await page.locator('h1').first().waitFor();
      assert.match(await page.locator('body').innerText(), /file/i);
      await picture(page, 'site-verifier');
      assert.deepEqual(watch.requests.filter((url) => !url.startsWith(place()) && !url.startsWith('data:') && !url.startsWith('blob:')), []);
      assert.deepEqual(watch.dialogs, []);
      await context.close();
    });
  });
}

test('a reader who agrees has the publication checked by the page of the site', { skip }, async () => {
  const { page, context, watch } = await openPage(browser, { viewport: DESKTOP });
  await page.goto(`${server.url}en/${PUBLISHED}/proof.html`);
  await page.getByRole('link', { name: /open the verifier/i }).click();
  await page.locator('#fetch').click();
  const verdict = page.locator('.verdict');
  await verdict.waitFor({ timeout: 60_000 });
  // The files are those of the publication; whom to trust is the reader's to say.
  assert.match(await verdict.innerText(), /11 of 11 evidence files/);
  assert.equal(await page.locator('html').getAttribute('data-verdict'), 'incomplete');
  await picture(page, 'site-verifier-report');
  await assertQuiet(watch, server.url);
  await context.close();
});

test('every link inside of the site leads to a page and an item that are there', { skip }, () => {
  const ids = new Map<string, Set<string>>();
  const text = (name: string): string => readFileSync(join(built.folder, name), 'utf8');
  const of = (name: string): Set<string> => {
    const known = ids.get(name) ?? new Set([...text(name).matchAll(/ id="([^"]+)"/g)].map((found) => found[1] ?? ''));
    ids.set(name, known);
    return known;
  };
  const wrong: string[] = [];
  for (const name of pagesOf(built.folder).filter((page) => page !== 'verifier.html')) {
    for (const [, , href = ''] of text(name).matchAll(/ (href|src)="([^"]*)"/g)) {
      if (/^[a-z][a-z0-9+.-]*:/.test(href)) continue;
      const [path = '', anchor = ''] = href.replaceAll('&amp;', '&').split('#');
      const aim = path === '' ? name : posix.normalize(posix.join(posix.dirname(name), decodeURIComponent(path)));
      try {
        if (!statSync(join(built.folder, aim)).isFile()) wrong.push(`${name}: ${href} is no file`);
        else if (anchor && aim.endsWith('.html') && aim !== 'verifier.html' && !of(aim).has(decodeURIComponent(anchor))) wrong.push(`${name}: ${href} has no such place`);
      } catch {
        wrong.push(`${name}: ${href} is not there`);
      }
    }
  }
  assert.deepEqual(wrong.slice(0, 20), []);
});

test('downloads for other programs are there and whole', { skip }, () => {
  const page = readFileSync(join(built.folder, 'en', PUBLISHED, 'proof.html'), 'utf8');
  const names = [...page.matchAll(/<a href="([^"]+)" download="/g)].map((found) => decodeURIComponent(found[1] ?? ''));
  const read = (end: RegExp): Buffer => {
    const name = names.find((one) => end.test(one));
    assert.ok(name, `no download ${end} among ${names.join(', ')}`);
    return readFileSync(join(built.folder, 'en', PUBLISHED, name));
  };
  assert.match(read(/\.bib$/).toString(), /^@misc\{/);
  assert.equal((JSON.parse(read(/csl.*\.json$/).toString()) as { type: string }[])[0]?.type, 'dataset');
  assert.match(read(/jsonld$|ld\.json$/).toString(), /ClaimReview/);
  assert.equal(read(/crate.*\.zip$/).subarray(0, 2).toString(), 'PK');
  assert.equal(read(/bag.*\.zip$/).subarray(0, 2).toString(), 'PK');
  assert.equal((JSON.parse(read(/\.proof\.json$/).toString()) as { format: string }).format, 'incident-archive-proof/1');
});

describe('every kind of page', () => {
  for (const language of ['en', 'zh'] as const) {
    for (const [look, options] of Object.entries({
      desktop: { viewport: DESKTOP, colorScheme: language === 'en' ? 'light' : 'dark' },
      phone: { viewport: PHONE, colorScheme: language === 'en' ? 'dark' : 'light', hasTouch: true, isMobile: true },
    } as const)) {
      test(`${language}, ${look}, ${options.colorScheme}: axe, budget, no shift, no other host`, { skip }, async () => {
        const place = server.url;
        const found: string[] = [];
        for (const name of [...kinds(built.folder, language, PUBLISHED), `${language}/${DRAFT}/proof.html`]) {
          const { page, context, watch } = await openPage(browser, options);
          let bytes = 0;
          page.on('response', (response) => {
            const path = decodeURIComponent(new URL(response.url()).pathname.slice(DEEP.length));
            if (/\.(html|css|js|svg)$/.test(path)) bytes += statSync(join(built.folder, path)).size;
          });
          await page.goto(place + name);
          found.push(...(await axe(page)).map((line) => `${name}: ${line}`));
          if (bytes > BUDGET) found.push(`${name}: ${bytes} bytes, the budget is ${BUDGET}`);
          await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
          await page.waitForTimeout(150);
          const shift = await watch.layoutShift();
          if (shift !== 0) found.push(`${name}: layout shifts by ${shift}`);
          if (await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth)) found.push(`${name}: scrolls sideways`);
          if (name.includes(PUBLISHED) || !name.includes(DRAFT)) {
            await page.evaluate(() => window.scrollTo(0, 0));
            await picture(page, `site-${name.replaceAll('/', '-').replace('.html', '')}-${language}-${look}`);
          }
          await assertQuiet(watch, place);
          await context.close();
        }
        assert.deepEqual(found.slice(0, 12), [], `${found.length} in all`);
      });
    }
  }

  test('no page of the whole site is larger than the budget', { skip }, () => {
    const base = ['assets/site.css', 'assets/site.js', 'assets/icon.svg'].reduce((sum, name) => sum + statSync(join(built.folder, name)).size, 0);
    const large = pagesOf(built.folder).filter((name) => name !== 'verifier.html' && statSync(join(built.folder, name)).size + base > BUDGET);
    assert.deepEqual(large, []);
  });

  test('the whole of a page can be reached by keyboard, and the first stop skips to its content', { skip }, async () => {
    const { page, context } = await openPage(browser, { viewport: DESKTOP });
    await page.goto(server.url + `en/${PUBLISHED}/index.html`);
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement?.className), 'skip');
    await page.keyboard.press('Enter');
    assert.equal(new URL(page.url()).hash, '#_main');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.querySelector('main')?.contains(document.activeElement)), true);
    await context.close();
  });

  test('print keeps the text and drops the controls', { skip }, async () => {
    const { page, context } = await openPage(browser, { viewport: DESKTOP });
    await page.emulateMedia({ media: 'print' });
    await page.goto(server.url + `en/${PUBLISHED}/index.html`);
    assert.equal(await page.locator('#_chart .tools').isVisible(), false);
    assert.equal(await page.locator('.site-head nav').isVisible(), false);
    assert.ok((await inner(page)).length > 2_000);
    await picture(page, 'site-print');
    await context.close();
  });
});

