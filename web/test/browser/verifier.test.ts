// The verifier's page as people use it: opened from a file, files given to it, everything read, nothing asked.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync, closeSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { writeHostileDossier } from './hostile.ts';
import { ARCHIVE, ROOT, archive, axe, browserOnThisMachine, launch, openPage, picture, serve, type Watch } from './browser.ts';

const { skip } = browserOnThisMachine();
const GOLDEN = join(ROOT, 'tests', 'golden', '1');
const BUNDLE = join(GOLDEN, 'plain', 'bundle.proof.json');
const CAR = join(GOLDEN, 'plain', 'package.car');
const TRUST = join(GOLDEN, 'trust.json');
const PHONE = { width: 360, height: 740 };
const DESKTOP = { width: 1280, height: 900 };
const BIG_BYTES = Number(process.env.VERIFIER_BIG_BYTES ?? 64 * 1024 * 1024);

let browser: Browser;
let work: string;
/** Built from the sources as they are; that the one in the project is the same, `node build.mjs --check` says. */
let pageFile: string;
let folder: string;
/** A package with a withheld table, published by a workspace of its own. */
let veiled: {
  readonly folder: string;
  readonly bundle: string;
  readonly trust: string;
  readonly reveal: string;
  readonly row: string;
  readonly hidden: string;
};

interface Opened {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly watch: Watch;
}

before(async () => {
  if (skip) return;
  work = mkdtempSync(join(tmpdir(), 'verifier-page-'));
  pageFile = join(work, 'verifier.html');
  execFileSync(process.execPath, [join(ROOT, 'web', 'build.mjs'), '--out', pageFile]);
  folder = join(work, 'plain');
  const unpack =
    'import sys; from pathlib import Path; from archive.package.unpack import unpack_car; unpack_car(open(sys.argv[1], "rb"), Path(sys.argv[2]))';
  execFileSync(join(dirname(ARCHIVE), 'python'), ['-c', unpack, CAR, folder], { cwd: ROOT });
  veiled = publishVeiled();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  if (work) rmSync(work, { recursive: true, force: true });
});

function publishVeiled(): typeof veiled {
  const dossier = join(work, '2000-01-02-veiled');
  const workspace = join(work, 'workspace');
  mkdirSync(join(dossier, 'evidence'), { recursive: true });
  writeFileSync(join(dossier, 'evidence', 'open.csv'), 'time,price\n1,2\n3,4\n');
  const hidden = join(dossier, 'evidence', 'hidden.csv');
  writeFileSync(hidden, 'account,loss\n1,2\n3,4\n5,6\n');
  const record = {
    schema_version: '1',
    id: '2000-01-02-veiled',
    revision: 1,
    revisions: [{ revision: 1, reason: { en: 'First.' } }],
    title: { en: 'A test' },
    summary: { en: 'Made up for tests. No incident.' },
    occurred: { start: '2000-01-01T00:00:00Z', end: '2000-01-01T00:01:00Z', precision: 'second', time_zone: 'UTC' },
    venues: [{ id: 'venue-a', name: { en: 'Venue A' }, kind: 'exchange' }],
    evidence: [
      { id: 'open', kind: 'fact-table', title: { en: 'Open' }, path: 'evidence/open.csv', media_type: 'text/csv' },
      {
        id: 'hidden',
        kind: 'fact-table',
        title: { en: 'Hidden' },
        path: 'evidence/hidden.csv',
        media_type: 'text/csv',
        withheld: true,
        rows: true,
      },
    ],
  };
  writeFileSync(join(dossier, 'incident.yaml'), JSON.stringify(record));
  const bundle = join(work, 'veiled.proof.json');
  archive(['publish', dossier, '--yes', '--json', '--out', bundle], workspace);
  const reveal = join(work, 'hidden.csv.reveal.json');
  const row = join(work, 'row.reveal.json');
  archive(['reveal', bundle, hidden, '--out', reveal], workspace);
  archive(['reveal', bundle, hidden, '--row', '2', '--out', row], workspace);
  return { folder: dossier, bundle, trust: join(workspace, 'trust.json'), reveal, row, hidden };
}

/** The page opened from its file. Nothing it may not do is allowed to pass unseen. */
async function open(options: BrowserContextOptions = {}, hash = ''): Promise<Opened> {
  const opened = await openPage(browser, { locale: 'en-GB', viewport: DESKTOP, ...options });
  await opened.page.goto(pathToFileURL(pageFile).href + hash);
  await opened.page.waitForSelector('html[data-ready]');
  return opened;
}

async function give(page: Page, ...files: readonly string[]): Promise<void> {
  const before = await page.locator('.given li').count();
  await page.setInputFiles('#files', [...files]);
  await page.waitForFunction((n) => document.querySelectorAll('.given li').length > n, before);
}

async function giveFolder(page: Page, path: string): Promise<void> {
  const before = await page.locator('.given li').count();
  await page.setInputFiles('#folder', path);
  await page.waitForFunction((n) => document.querySelectorAll('.given li').length > n, before);
}

async function trust(page: Page, path = TRUST): Promise<void> {
  await page.setInputFiles('#trust-file', path);
  await page.waitForSelector('.trusted li');
}

/** Presses the button and waits for the end; the verdict. */
async function check(page: Page): Promise<string> {
  await page.click('#check');
  return finished(page);
}

async function finished(page: Page): Promise<string> {
  await page.waitForSelector('html[data-phase=done], html[data-phase=failed]');
  return page.evaluate(() =>
    document.documentElement.dataset['phase'] === 'failed' ? 'failed' : document.documentElement.dataset['verdict']!,
  );
}

const text = (page: Page, selector: string): Promise<string> => page.innerText(selector);
const rungs = (page: Page): Promise<string[]> =>
  page.$$eval('.rung', (all) =>
    all.map((rung) => ['pass', 'fail', 'unchecked'].find((status) => rung.classList.contains(status))!),
  );

/** Nothing was asked, said by a dialog, complained of or refused; then the page is closed. */
async function close({ page, context, watch }: Opened): Promise<void> {
  assert.deepEqual(
    watch.requests.filter((url) => !url.startsWith('file:') && !url.startsWith('blob:')),
    [],
    'a request left the page',
  );
  assert.equal(watch.requests.filter((url) => url.startsWith('file:')).length, 1, 'another file was read than the page itself');
  assert.deepEqual(watch.dialogs, []);
  assert.deepEqual(watch.complaints, []);
  assert.deepEqual(await watch.refusals(), []);
  assert.equal(await watch.marker(), null, 'a text of others ran');
  await page.close();
  await context.close();
}

function made(name: string, data: string | Buffer): string {
  const path = join(work, name);
  writeFileSync(path, data);
  return path;
}

describe('what was given is checked', { skip }, () => {
  test('a folder and its bundle, without a trust file: nothing is wrong, and what lacks is named', async () => {
    const opened = await open();
    const { page } = opened;
    await giveFolder(page, folder);
    assert.match(await text(page, '#go'), /A proof bundle is needed too/);
    assert.equal(await page.isDisabled('#check'), true);
    await give(page, BUNDLE);
    assert.equal(await check(page), 'incomplete');
    assert.deepEqual(await rungs(page), [
      'pass',
      'pass',
      'pass',
      'unchecked',
      'unchecked',
      'unchecked',
      'unchecked',
      'unchecked',
    ]);
    assert.match(await text(page, '.verdict'), /Nothing wrong was found, but not everything could be checked/);
    assert.match(await text(page, '.verdict'), /3 of 3 evidence files/);
    const open_ = await text(page, '.points.unchecked');
    for (const said of ['the registry is the real one', 'behind the key', 'so the time', 'what the files claim is true'])
      assert.match(open_, new RegExp(said));
    await picture(page, 'verifier-incomplete', true);
    await close(opened);
  });

  test('what is dropped is taken: files, and folders with all that lies in them', async () => {
    const opened = await open();
    const { page } = opened;
    await page.locator('#drop').scrollIntoViewIfNeeded();
    const box = (await page.locator('#drop').boundingBox())!;
    const session = await page.context().newCDPSession(page);
    const data = { items: [], files: [folder, BUNDLE], dragOperationsMask: 1 };
    for (const type of ['dragEnter', 'dragOver'] as const)
      await session.send('Input.dispatchDragEvent', { type, x: box.x + 20, y: box.y + 20, data });
    await page.waitForSelector('#drop.over');
    assert.match(await text(page, '#drop-says'), /Let go/);
    await session.send('Input.dispatchDragEvent', { type: 'drop', x: box.x + 20, y: box.y + 20, data });
    await page.waitForSelector('.given li:nth-child(6)');
    assert.match(await text(page, '.given'), /plain\/evidence\/deep\/er\/large\.csv/);
    assert.equal(await check(page), 'incomplete');
    assert.match(await text(page, '.verdict'), /3 of 3 evidence files/);
    await close(opened);
  });

  test('a trust file, and a policy that waives the block: pass', async () => {
    const opened = await open();
    const { page } = opened;
    await give(page, BUNDLE, CAR, join(GOLDEN, 'waive-header.json'));
    await trust(page);
    assert.equal(await check(page), 'incomplete', 'a policy that came with the files counts only when the reader says so');
    await page.getByLabel(/It is my own: use it .*waive-header\.json/).check();
    assert.equal(await check(page), 'pass');
    assert.match(await text(page, '.verdict'), /It fits/);
    await picture(page, 'verifier-pass', true);
    await close(opened);
  });

  test('a verdict does not stay for files that it was not about', async () => {
    const opened = await open();
    const { page } = opened;
    await give(page, BUNDLE, CAR, join(GOLDEN, 'waive-header.json'));
    await trust(page);
    await page.getByLabel(/It is my own: use it .*waive-header\.json/).check();
    const gone = async (): Promise<void> => {
      await page.waitForSelector('#outdated');
      assert.equal(await page.locator('.verdict, #quote, #save-html').count(), 0);
      assert.equal(await page.evaluate(() => document.documentElement.dataset['verdict']), '');
    };
    assert.equal(await check(page), 'pass');
    await give(page, made('sent-later.csv', 'made up'));
    await gone();
    assert.equal(await check(page), 'fail');
    await page.getByLabel(/Remove .*sent-later\.csv/).click();
    await gone();
    assert.equal(await check(page), 'pass');
    await page.locator('.trusted button').first().click();
    await gone();
    await close(opened);
  });

  test('a trust file among the files is not believed before the reader says that it is their own', async () => {
    const opened = await open();
    const { page } = opened;
    await give(page, BUNDLE, TRUST);
    await check(page);
    assert.equal((await rungs(page))[4], 'unchecked');
    await page.getByLabel(/It is my own: use it .*trust\.json/).check();
    await page.waitForSelector('.trusted li');
    await check(page);
    assert.deepEqual((await rungs(page)).slice(0, 5), ['unchecked', 'pass', 'pass', 'pass', 'pass']);
    await close(opened);
  });

  test('a trust file inside a folder is a file like any other', async () => {
    const opened = await open();
    const { page } = opened;
    const trap = join(work, 'trap');
    mkdirSync(join(trap, 'evidence'), { recursive: true });
    writeFileSync(join(trap, 'trust.json'), readFileSync(TRUST));
    writeFileSync(join(trap, 'evidence', 'prices.csv'), readFileSync(join(folder, 'evidence', 'prices.csv')));
    await giveFolder(page, trap);
    await give(page, BUNDLE);
    await check(page);
    assert.equal((await rungs(page))[4], 'unchecked');
    assert.equal(await page.locator('.given input[type=checkbox]').count(), 0);
    await close(opened);
  });

  test('a renamed file is recognised by its bytes', async () => {
    const opened = await open();
    const { page } = opened;
    await give(page, BUNDLE, made('IMG-20260101-WA0001.bin', readFileSync(join(folder, 'evidence', 'prices.csv'))));
    assert.equal(await check(page), 'incomplete');
    assert.match(
      await text(page, '.file.pass'),
      /evidence\/prices\.csv[^]*given as IMG-20260101-WA0001\.bin: recognised by its hash/,
    );
    assert.match(await text(page, '.points.unchecked'), /2 of 3 evidence files, not given/);
    await close(opened);
  });

  const altered: Record<string, [string, () => Buffer, RegExp]> = {
    'line ends changed': [
      'prices.csv',
      () => Buffer.from(readFileSync(join(folder, 'evidence', 'prices.csv'), 'utf8').replaceAll('\n', '\r\n')),
      /line ends were converted/,
    ],
    'one byte changed': [
      'prices.csv',
      () => Buffer.from(readFileSync(join(folder, 'evidence', 'prices.csv'), 'utf8').replace('0.10', '0.20')),
      /same size, other bytes: edited or damaged/,
    ],
    'saved again, larger': [
      'prices.csv',
      () => Buffer.concat([readFileSync(join(folder, 'evidence', 'prices.csv')), Buffer.from('# exported\n')]),
      /re-compressed, re-saved or edited/,
    ],
    'not of the package': [
      'holiday.jpg',
      () => Buffer.from('another thing'),
      /not part of the package, neither by its name nor by its bytes/,
    ],
  };
  for (const [what, [name, data, why]] of Object.entries(altered)) {
    test(`a wrong file is explained: ${what}`, async () => {
      const opened = await open();
      const { page } = opened;
      await give(page, BUNDLE, made(name, data()));
      await trust(page);
      assert.equal(await check(page), 'fail');
      assert.equal((await rungs(page))[0], 'fail');
      assert.match(await text(page, '.file.fail'), why);
      assert.match(await text(page, '.points.fail'), /ask for the original/);
      assert.match(await text(page, '#quote'), /This does not fit/);
      if (what === 'one byte changed') await picture(page, 'verifier-fail', true);
      await close(opened);
    });
  }

  test('an altered bundle fails in the rung that it breaks', async () => {
    const opened = await open();
    const { page } = opened;
    await give(page, join(GOLDEN, 'altered', 'other-root.proof.json'));
    assert.equal(await check(page), 'fail');
    assert.equal((await rungs(page))[1], 'fail');
    await close(opened);
  });

  test('what is no bundle at all is refused with its code', async () => {
    const opened = await open();
    const { page } = opened;
    await give(page, join(GOLDEN, 'altered', 'truncated.proof.json'));
    assert.equal(await check(page), 'failed');
    assert.match(await text(page, '#result'), /bundle\.(truncated|not_json)/);
    await close(opened);
  });

  test('a bundle of a later format is not known, and not wrong', async () => {
    const opened = await open();
    const { page } = opened;
    await give(page, join(GOLDEN, 'altered', 'bundle-of-a-later-format.proof.json'));
    assert.equal(await check(page), 'incomplete');
    await close(opened);
  });

  test('a CAR that was altered fails', async () => {
    const opened = await open();
    const { page } = opened;
    await give(page, join(GOLDEN, 'veiled', 'bundle.proof.json'), join(GOLDEN, 'altered', 'flipped-byte.car'));
    assert.equal(await check(page), 'fail');
    await close(opened);
  });

  test('a withheld file stays withheld until it is revealed, whole or a line of it', async () => {
    const opened = await open();
    const { page } = opened;
    await give(page, veiled.bundle);
    await trust(page, veiled.trust);
    assert.equal(await check(page), 'incomplete');
    assert.match(await text(page, '.files'), /hidden[^]*withheld by the publisher/);
    assert.match(await text(page, '.points.unchecked'), /What is in 1 item that the publisher withheld/);
    await give(page, veiled.row);
    await check(page);
    assert.match(await text(page, '.all'), /A revealed line was committed to|All checks/);
    assert.match((await page.locator('.rung').first().locator('tbody').textContent()) ?? '', /row was committed/);
    await give(page, veiled.reveal, veiled.hidden);
    await check(page);
    assert.match(await text(page, '.files'), /withheld, and revealed/);
    await picture(page, 'verifier-revealed', true);
    await close(opened);
  });
});

describe('proofs of absence', { skip }, () => {
  const { vectors } = JSON.parse(readFileSync(join(ROOT, 'tests', 'vectors', 'state.json'), 'utf8')) as {
    vectors: { name: string; input: { absence?: object }; expected: string; code?: string }[];
  };

  test('one alone is checked without a bundle; a wrong one fails', async () => {
    const opened = await open({ acceptDownloads: true });
    const { page } = opened;
    const right = vectors.find((v) => v.input.absence && v.expected === 'valid')!;
    await give(page, made('never.absent.json', JSON.stringify(right.input.absence)));
    assert.equal(await check(page), 'incomplete');
    assert.match(await text(page, '#result'), /Proof of absence: [^]*never\.absent\.json[^]*not everything could be checked/);
    assert.match(await text(page, '#result'), /It says nothing of later blocks/);
    await page.locator('#ask-registry').getByLabel('Your name for it').fill('The registry');
    await page.locator('#ask-registry').getByRole('button').click();
    await finished(page);
    assert.match(await text(page, '#result'), /trusted as 'The registry'/);
    assert.deepEqual(await axe(page), []);
    await picture(page, 'verifier-absence', true);
    const wrong = vectors.find((v) => v.code === 'absence.entry')!;
    await give(page, made('anchored.absent.json', JSON.stringify(wrong.input.absence)));
    assert.equal(await check(page), 'fail', 'one that does not hold is not hidden by one before it');
    await page.getByRole('button', { name: /Remove .*never/ }).click();
    assert.equal(await check(page), 'fail');
    await give(page, made('damaged.absent.json', '{"format": "incident-archive-absence/1"}'));
    assert.equal(await check(page), 'fail');
    const [saved] = await Promise.all([page.waitForEvent('download'), page.click('#save-html')]);
    await saved.saveAs(join(work, 'absences.html'));
    assert.match(readFileSync(join(work, 'absences.html'), 'utf8'), /damaged\.absent\.json/, 'a saved report leaves nothing out');
    await close(opened);
  });
});

describe('trust', { skip }, () => {
  test('the two questions are answered in the page, kept for the session and saved as a trust file', async () => {
    const opened = await open({ acceptDownloads: true });
    const { page } = opened;
    await give(page, BUNDLE, CAR);
    await check(page);
    const registry = page.locator('#ask-registry');
    await registry.getByRole('button').click();
    assert.match(await registry.getByRole('alert').innerText(), /Give it a name first/);
    await registry.getByLabel('Your name for it').fill('The registry <b>');
    await registry.getByRole('button').click();
    assert.equal(await finished(page), 'incomplete');
    assert.equal((await rungs(page))[3], 'pass');
    await page.locator('#ask-publisher').getByLabel('Your name for it').fill('The newsroom');
    await page.locator('#ask-publisher').getByRole('button').click();
    await page.waitForSelector('#ask-publisher.pass');
    assert.equal((await rungs(page))[4], 'pass');
    assert.match(await text(page, '#ask-publisher'), /You trust it as/);
    await picture(page, 'verifier-trusted', true);
    const [saved] = await Promise.all([page.waitForEvent('download'), page.click('#trust-save')]);
    const path = join(work, 'saved-trust.json');
    await saved.saveAs(path);
    const value = JSON.parse(readFileSync(path, 'utf8'));
    assert.equal(value.registries[0].name, 'The registry <b>');
    assert.equal(value.publishers[0].name, 'The newsroom');
    const shown = archive(
      ['trust', 'show', '--trust', path, '--json']
        .filter((word) => word !== '--trust' && word !== path)
        .concat('--workspace', withTrust(path)),
      work,
    );
    assert.match(shown, /The newsroom/, 'the Python verifier reads it too');
    await close(opened);
  });

  test('what is no trust file is refused, and nobody is trusted', async () => {
    const opened = await open();
    const { page } = opened;
    await page.setInputFiles(
      '#trust-file',
      made('wrong-trust.json', '{"format":"incident-archive-trust/1","registries":[{}],"publishers":[]}'),
    );
    await page.waitForSelector('#give .problem');
    assert.match(await text(page, '#give .problem'), /trust\./);
    assert.equal(await page.locator('.trusted li').count(), 0);
    await close(opened);
  });
});

function withTrust(path: string): string {
  const space = mkdtempSync(join(work, 'space-'));
  writeFileSync(join(space, 'trust.json'), readFileSync(path));
  return space;
}

describe('large files', { skip }, () => {
  test('a large file is hashed in pieces, with progress, and can be cancelled', async () => {
    const big = join(work, 'big.bin');
    const handle = openSync(big, 'w');
    const piece = Buffer.alloc(1024 * 1024, 'incident archive ');
    for (let done = 0; done < BIG_BYTES; done += piece.length) writeSync(handle, piece);
    closeSync(handle);
    const opened = await open();
    const { page } = opened;
    await give(page, BUNDLE, big);
    await page.evaluate(() => {
      const seen = new Set<string>();
      (window as unknown as { __told: Set<string> }).__told = seen;
      new MutationObserver(() => seen.add(document.getElementById('doing')?.textContent ?? '')).observe(
        document.getElementById('progress')!,
        { subtree: true, childList: true, characterData: true },
      );
    });
    assert.equal(await check(page), 'fail');
    const told = await page.evaluate(() => [...(window as unknown as { __told: Set<string> }).__told]);
    assert.ok(
      told.some((line) => /big\.bin.*of \d+ MB/.test(line.replace(/[\u2068\u2069]/g, ''))),
      told.join('\n'),
    );
    const memory = await memoryOf();
    assert.ok(memory < 300_000_000, `the page's process held ${memory} bytes`);
    // Cancelled at once: the worker is gone, and nothing was decided.
    await page.click('#check');
    await page.click('#cancel');
    assert.match(await text(page, '#result'), /Cancelled\. Nothing was decided/);
    assert.equal(await page.evaluate(() => document.documentElement.dataset['phase']), 'idle');
    await page.waitForTimeout(50);
    assert.equal(await page.evaluate(() => document.documentElement.dataset['verdict']), '');
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'check');
    await close(opened);
  });
});

/** The most that the process of the page and its threads held since it began, the browser's program included. */
async function memoryOf(): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  const peaks = processInfo
    .filter(({ type }) => type === 'renderer')
    .map(({ id }) => Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${id}/status`, 'utf8'))![1]) * 1024);
  return Math.max(...peaks);
}

describe('for everybody', { skip }, () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const [device, viewport] of Object.entries({ phone: PHONE, desktop: DESKTOP })) {
      for (const language of ['en', 'zh']) {
        test(`axe finds nothing: ${language}, ${colorScheme}, ${device}`, async () => {
          const opened = await open({ colorScheme, viewport }, `#lang=${language}`);
          const { page } = opened;
          await picture(page, `verifier-empty-${language}-${colorScheme}-${device}`, true);
          await give(page, BUNDLE, TRUST, made('prices.csv', 'other'));
          await page.click('#trust > summary');
          await page.click('#ask > summary');
          await page.fill('#rpc', 'ftp://nowhere');
          assert.deepEqual(await axe(page), []);
          await page.fill('#rpc', '');
          await check(page);
          await page.locator('.rung > summary').first().click();
          await picture(page, `verifier-report-${language}-${colorScheme}-${device}`, true);
          await page.$$eval('details', (all) => all.forEach((part) => (part.open = true)));
          assert.deepEqual(await axe(page), []);
          // At 320 pixels too: a desktop at four times the size.
          for (const width of [viewport.width, 320]) {
            await page.setViewportSize({ ...viewport, width });
            assert.ok(
              await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth),
              `scrolls sideways at ${width}`,
            );
          }
          await close(opened);
        });
      }
    }
  }

  test('by keyboard alone: files chosen, checked, a rung opened, saved', async () => {
    const opened = await open({ acceptDownloads: true });
    const { page } = opened;
    // Choosers are caught from the first listener on, and setting that up takes its time.
    page.on('filechooser', () => undefined);
    const tabTo = async (selector: string): Promise<void> => {
      for (let i = 0; i < 60; i++) {
        await page.keyboard.press('Tab');
        if (await page.evaluate((s) => document.activeElement?.matches(s) ?? false, selector)) return;
      }
      assert.fail(`the keyboard does not reach ${selector}`);
    };
    await tabTo('#choose-files');
    const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.keyboard.press('Enter')]);
    await chooser.setFiles([BUNDLE, CAR]);
    await page.waitForSelector('.given li');
    await tabTo('#check');
    await page.keyboard.press('Enter');
    await finished(page);
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'result');
    await tabTo('.rung > summary');
    await page.keyboard.press('Enter');
    assert.equal(await page.locator('.rung[open]').count(), 1);
    await tabTo('#save-json');
    const [saved] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')]);
    assert.match(saved.suggestedFilename(), /^report-2000-01-01-golden-plain-r1\.json$/);
    await close(opened);
  });

  test('what happens is said to a screen reader', async () => {
    const opened = await open();
    const { page } = opened;
    await give(page, BUNDLE);
    assert.equal(await text(page, '#live'), '1 file added.');
    await check(page);
    assert.match(await text(page, '#live'), /^Result: Nothing wrong was found/);
    assert.equal(await page.getAttribute('#live', 'aria-live'), 'polite');
    await close(opened);
  });

  test('print leaves the report and nothing to press', async () => {
    const opened = await open();
    const { page } = opened;
    await give(page, BUNDLE, CAR);
    await check(page);
    await page.emulateMedia({ media: 'print' });
    assert.equal(await page.locator('button:visible').count(), await page.locator('.more:visible').count());
    assert.equal(await page.isVisible('.verdict'), true);
    await close(opened);
  });
});

describe('languages', { skip }, () => {
  /** Words of Latin letters that a Chinese page shows, without names, hashes, codes and the other language's button. */
  const latin = (page: Page): Promise<string[]> =>
    page.evaluate(() => {
      const copy = document.body.cloneNode(true) as HTMLElement;
      copy
        .querySelectorAll(
          'script, style, noscript, code, bdi.value, bdi.name, .given-name, .file-name, [lang=en], .about, blockquote bdi, .trusted bdi',
        )
        .forEach((node) => node.remove());
      const allowed =
        /^(archive|verify|recompute|JSON|HTML|CAR|CRLF|LF|SHA|Keccak|secp|RLP|UTC|IPFS|RPC|https?|proof|json|reveal|absent|car|kB|MB|GB|r|s|trust|Anchored|OpenTimestamps|BNB|Smart|Chain|prices|csv|evidence|bundle|plain|golden|U|JavaScript|k)$/;
      return (copy.textContent!.replace(/\u2068[^\u2069]*\u2069|\b[0-9a-f]{40,}\b/g, ' ').match(/[A-Za-z]{2,}/g) ?? []).filter(
        (word) => !allowed.test(word),
      );
    });

  test('Chinese by link, by switch and by the browser; no page mixes languages', async () => {
    const opened = await open({ locale: 'zh-CN' });
    const { page } = opened;
    assert.equal(await page.getAttribute('html', 'lang'), 'zh-Hans');
    await give(page, BUNDLE, made('prices.csv', 'other'));
    await trust(page);
    await check(page);
    await page.$$eval('details', (all) => all.forEach((part) => (part.open = true)));
    assert.deepEqual(await latin(page), []);
    assert.match(await text(page, '.verdict'), /有不符之处/);
    await page.click('[data-lang=en]');
    assert.equal(await page.getAttribute('html', 'lang'), 'en');
    assert.match(await text(page, '.verdict'), /Something does not fit/);
    assert.doesNotMatch(
      await page.evaluate(() => {
        const copy = document.body.cloneNode(true) as HTMLElement;
        copy.querySelectorAll('script, style, noscript, bdi, [lang=zh-Hans]').forEach((node) => node.remove());
        return copy.textContent!.replace(/\u2068[^\u2069]*\u2069/g, '');
      }),
      /\p{Script=Han}/u,
    );
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'English');
    await close(opened);
    const linked = await open({}, '#lang=zh');
    assert.match(await linked.page.innerText('h1'), /核验您收到的文件/);
    await close(linked);
  });
});

describe('texts of others', { skip }, () => {
  const RUN = 'window.__marker=1;alert(1)';
  const names = [
    `<img src=x onerror=${RUN}>.csv`,
    `<script>${RUN}<\u2215script>.csv`,
    `invoice\u202Efdp.exe`,
    `b\u0430lance.csv`,
    `line\nbreak\u0007.csv`,
  ];

  test('hostile names run nothing, and look like what they are', async () => {
    const opened = await open();
    const { page } = opened;
    await give(page, BUNDLE, ...names.map((name) => made(name, 'other')));
    await trust(
      page,
      made(
        'hostile-trust.json',
        readFileSync(TRUST, 'utf8').replace(
          'this workspace (0684439e)',
          `</script><script>${RUN}</script><img src=x onerror=${RUN}>`,
        ),
      ),
    );
    assert.equal(await check(page), 'fail');
    await page.$$eval('details', (all) => all.forEach((part) => (part.open = true)));
    const shown = await text(page, '#result');
    assert.match(shown, /invoice⟨U\+202E⟩fdp\.exe/);
    assert.match(shown, /characters that show nothing or turn the direction/);
    assert.match(shown, /mixes alphabets/);
    assert.equal(await page.locator('#result img, #result script, .given img, .given script').count(), 0);
    assert.doesNotMatch(
      await page.evaluate(() => document.body.textContent!.replace(/[\u2068\u2069]/g, '')),
      /[\u202a-\u202e\u2066\u2067\u0007]/,
    );
    await picture(page, 'verifier-hostile', true);
    await close(opened);
  });

  test('a hostile package runs nothing, in either language', async () => {
    const dossier = writeHostileDossier(join(work, 'hostile'));
    const bundle = join(work, 'hostile.proof.json');
    archive(['publish', dossier, '--yes', '--json', '--out', bundle], join(work, 'hostile-workspace'));
    const opened = await open();
    const { page } = opened;
    await giveFolder(page, dossier);
    await give(page, bundle);
    assert.equal(await check(page), 'incomplete');
    for (const language of ['zh', 'en']) {
      await page.click(`[data-lang=${language}]`);
      await page.$$eval('details', (all) => all.forEach((part) => (part.open = true)));
      assert.equal(await page.locator('#result img, #result script, #result a').count(), 0);
    }
    assert.match(await text(page, '.files'), /mixes alphabets/);
    await close(opened);
  });

  test('a saved report needs nothing, says the same and runs nothing', async () => {
    const opened = await open({ acceptDownloads: true });
    const { page } = opened;
    await give(page, BUNDLE, ...names.map((name) => made(name, 'other')));
    await trust(page, join(work, 'hostile-trust.json'));
    await check(page);
    const [saved] = await Promise.all([page.waitForEvent('download'), page.click('#save-html')]);
    const path = join(work, 'report.html');
    await saved.saveAs(path);
    assert.equal(saved.suggestedFilename(), 'report-2000-01-01-golden-plain-r1.html');
    const html = readFileSync(path, 'utf8');
    assert.doesNotMatch(html, /<script|<img|onerror=[^&]*[^;]>/i);
    assert.match(html, /default-src 'none'; style-src 'sha256-/);
    const again = await openPage(browser, { viewport: DESKTOP });
    await again.page.goto(pathToFileURL(path).href);
    assert.match(await again.page.innerText('body'), /Something does not fit/);
    assert.match(await again.page.innerText('body'), /invoice⟨U\+202E⟩fdp\.exe/);
    assert.equal(await again.page.locator('button, input, form').count(), 0);
    assert.deepEqual(await axe(again.page), []);
    await picture(again.page, 'verifier-saved', true);
    await close({ ...again });
    await close(opened);
  });

  test('the report as JSON is that of archive verify', async () => {
    const opened = await open({ acceptDownloads: true });
    const { page } = opened;
    await give(page, BUNDLE, CAR);
    await trust(page);
    await check(page);
    const [saved] = await Promise.all([page.waitForEvent('download'), page.click('#save-json')]);
    const path = join(work, 'report.json');
    await saved.saveAs(path);
    const ours = JSON.parse(readFileSync(path, 'utf8'));
    let python = '';
    try {
      python = archive(['verify', BUNDLE, CAR, '--offline', '--json', '--trust', TRUST], join(work, 'empty-space'));
    } catch (error) {
      // Exit code 3: incomplete.
      python = (error as { stdout: string }).stdout;
    }
    const theirs = JSON.parse(python);
    assert.equal(ours.verdict, theirs.verdict);
    assert.deepEqual(ours.lacking, theirs.lacking);
    const brief = (report: { checks: { code: string; status: string }[] }): string[] =>
      report.checks.map((c) => `${c.code} ${c.status}`);
    assert.deepEqual(brief(ours), brief(theirs));
    await close(opened);
  });
});

/** A server on this device that pages of other origins may ask, as nodes and gateways let them. */
async function answering(
  answer: (request: IncomingMessage, body: string, response: ServerResponse) => void,
): Promise<{ url: string; asked: string[]; close: () => void }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    response.setHeader('Access-Control-Allow-Origin', '*');
    response.setHeader('Access-Control-Allow-Headers', '*');
    if (request.method === 'OPTIONS') {
      response.end();
      return;
    }
    let body = '';
    request.on('data', (part) => (body += part));
    request.on('end', () => {
      asked.push(body === '' ? request.url! : String(JSON.parse(body).method));
      answer(request, body, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A node of the chain that the bundle is anchored on; `hash` is what it says of the block. */
function node(hash?: string): ReturnType<typeof answering> {
  const [anchor] = JSON.parse(readFileSync(BUNDLE, 'utf8')).anchors;
  return answering((_, body, response) => {
    const { id, method, params } = JSON.parse(body);
    const block = (number: string, of: string): object => ({ number, hash: of });
    const results: Record<string, unknown> = {
      eth_chainId: `0x${anchor.chain_id.toString(16)}`,
      eth_blockNumber: '0xff',
      eth_getTransactionReceipt: null,
      eth_getBlockByNumber:
        params[0] === '0x0'
          ? block('0x0', anchor.genesis)
          : params[0] === `0x${anchor.block.number.toString(16)}`
            ? block(params[0], hash ?? anchor.block.hash)
            : null,
    };
    const known = method in results;
    response.setHeader('Content-Type', 'application/json');
    response.end(
      JSON.stringify({
        jsonrpc: '2.0',
        id,
        ...(known ? { result: results[method] } : { error: { code: -32601, message: 'no such method' } }),
      }),
    );
  });
}

describe('the network', { skip }, () => {
  test('nodes that the reader names are asked, when the button is pressed, and nobody else', async () => {
    const [one, two, liar] = [await node(), await node(), await node(`0x${'ab'.repeat(32)}`)];
    try {
      const { page, context, watch } = await open();
      await give(page, BUNDLE, CAR);
      await trust(page);
      await page.click('#ask > summary');
      await page.fill('#rpc', [one.url, two.url, liar.url].join('\n'));
      assert.deepEqual([...one.asked, ...two.asked, ...liar.asked], [], 'asked before the button');
      assert.match(await text(page, '#go'), new RegExp(`will ask .*${new URL(one.url).host}`));
      assert.equal(await check(page), 'pass');
      assert.deepEqual(await rungs(page).then((all) => all.slice(0, 6)), ['pass', 'pass', 'pass', 'pass', 'pass', 'pass']);
      const chain = page.locator('.rung').nth(5);
      await chain.locator('summary').click();
      assert.match(await chain.innerText(), /2 of 3 nodes of different hosts, where 2 had to agree/);
      assert.match(await chain.innerText(), /lies, or is on another branch/);
      assert.ok(one.asked.includes('eth_getBlockByNumber') && liar.asked.length > 0);
      const hosts = new Set(watch.requests.filter((url) => url.startsWith('http')).map((url) => new URL(url).origin));
      assert.deepEqual([...hosts].sort(), [one.url, two.url, liar.url].sort());
      assert.deepEqual(await watch.refusals(), []);
      await picture(page, 'verifier-nodes', true);
      await context.close();
    } finally {
      for (const server of [one, two, liar]) server.close();
    }
  });

  test('a gateway that the reader names sends the package, which is then checked; one that sends other bytes is named', async () => {
    const root = JSON.parse(readFileSync(BUNDLE, 'utf8')).content_id;
    const good = await answering((_, __, response) =>
      response.setHeader('Content-Type', 'application/vnd.ipld.car').end(readFileSync(CAR)),
    );
    const bad = await answering((_, __, response) =>
      response
        .setHeader('Content-Type', 'application/vnd.ipld.car')
        .end(readFileSync(join(GOLDEN, 'altered', 'flipped-byte.car'))),
    );
    try {
      const { page, context } = await open();
      await give(page, BUNDLE);
      await page.click('#ask > summary');
      await page.fill('#gateways', `${bad.url}\n${good.url}`);
      assert.equal(await check(page), 'incomplete');
      assert.match(await text(page, '.verdict'), /3 of 3 evidence files/);
      assert.ok(good.asked[0]!.startsWith(`/ipfs/${root}?format=car`));
      await page.click('.all > summary');
      assert.match(
        await text(page, '.all'),
        /Sent by a store just now[^]*sent bytes that are not the package; it was not believed/,
      );
      await context.close();
    } finally {
      good.close();
      bad.close();
    }
  });

  test('a link is opened only after the reader agrees', async () => {
    const site = join(work, 'site');
    mkdirSync(join(site, 'assets'), { recursive: true });
    writeFileSync(join(site, 'assets', 'verifier.html'), readFileSync(pageFile));
    writeFileSync(join(site, 'bundle.proof.json'), readFileSync(BUNDLE));
    writeFileSync(join(site, 'package.car'), readFileSync(CAR));
    const server = await serve(site, '/ipfs/bafy/');
    try {
      const { page, context, watch } = await openPage(browser, { locale: 'en-GB', viewport: DESKTOP });
      await page.goto(`${server.url}assets/verifier.html#bundle=../bundle.proof.json&files=../package.car`);
      await page.waitForSelector('#fetch');
      assert.match(await text(page, '#link'), /the place where this page is/);
      assert.deepEqual(watch.requests.filter((url) => !url.startsWith('blob:')).length, 1);
      assert.deepEqual(await axe(page), []);
      await picture(page, 'verifier-link');
      await page.click('#fetch');
      assert.equal(await finished(page), 'incomplete');
      assert.match(await text(page, '.verdict'), /3 of 3 evidence files/);
      const urls = watch.requests.filter((url) => url.startsWith('http'));
      assert.deepEqual(urls.slice(1), [`${server.url}bundle.proof.json`, `${server.url}package.car`]);
      assert.deepEqual(watch.complaints, []);
      await context.close();
    } finally {
      await server.close();
    }
  });

  test('a link can ask for nothing but files of the web', async () => {
    const opened = await open(
      {},
      '#bundle=javascript:alert(1)&files=data:text/html,x&files=file:///etc/passwd&files=http://intranet.example/a',
    );
    const { page } = opened;
    assert.equal(await page.locator('#fetch').count(), 0);
    await page.click('#no-fetch');
    assert.equal(await page.locator('#no-fetch').count(), 0);
    await close(opened);
  });

  test('an address that cannot be asked is told, and nothing is asked', async () => {
    const opened = await open();
    const { page } = opened;
    await give(page, BUNDLE);
    await page.click('#ask > summary');
    await page.fill('#rpc', 'http://node.example');
    assert.match(await text(page, '#go .problem'), /Not a web address that can be asked/);
    assert.equal(await page.isDisabled('#check'), true);
    await page.fill('#rpc', 'https://node.example/key');
    assert.match(await text(page, '#go'), /will ask .*node\.example/);
    await page.fill('#quorum', '2');
    assert.match(await text(page, '#go .problem'), /not larger than the number of different hosts/);
    await close(opened);
  });
});
