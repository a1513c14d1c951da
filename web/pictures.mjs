// Takes the pictures of the READMEs anew: node pictures.mjs (needs Chromium, and fonts for Chinese). No test: the bytes depend on both.
//
// Publishes the 10/11 dossier on the chain inside a throw-away workspace, builds the site, and pictures the figures in dispute and the
// timeline on the incident's first page, and the result of checking its files in the verifier, in both languages.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const archive = process.env.ARCHIVE_COMMAND ?? join(project, '.venv', 'bin', 'archive');
const incident = '2025-10-11-binance-liquidations';
async function picture(page, name, clip) {
  const path = join(project, 'docs', 'images', name);
  await page.screenshot({ path, fullPage: true, clip });
  console.log(`docs/images/${name}: ${statSync(path).size.toLocaleString('en')} bytes`);
}

const folder = mkdtempSync(join(tmpdir(), 'pictures-'));
try {
  const run = (...words) => execFileSync(archive, words, { cwd: project, stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, ARCHIVE_WORKSPACE: join(folder, 'workspace') } });
  run('publish', join('incidents', incident), '--yes');
  run('site', 'build', join(folder, 'site'));
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
  for (const [language, name] of [['en', 'incident.png'], ['zh', 'incident.zh.png']]) {
    const page = await browser.newPage({ viewport: { width: 1180, height: 900 }, colorScheme: 'light', reducedMotion: 'reduce' });
    await page.goto(pathToFileURL(join(folder, 'site', language, incident, 'index.html')).href);
    const top = await page.locator('.clash').boundingBox();
    const end = await page.locator('#_chart').boundingBox();
    await picture(page, name, { x: end.x - 24, y: top.y - 20, width: end.width + 48, height: end.y + end.height - top.y + 40 });
    await page.setViewportSize({ width: 960, height: 900 });
    await page.goto(`${pathToFileURL(join(folder, 'site', 'verifier.html')).href}#lang=${language}`);
    const evidence = join(project, 'incidents', incident, 'evidence');
    await page.setInputFiles('#files', [join(folder, 'workspace', 'bundles', `${incident}-r1.proof.json`), ...readdirSync(evidence).map((one) => join(evidence, one))]);
    await page.click('#check:enabled');
    await page.waitForSelector('html[data-phase=done]');
    const verdict = await page.locator('.verdict').boundingBox();
    const lists = await page.locator('.verdict + *').boundingBox();
    const scrolled = await page.evaluate(() => window.scrollY);
    await picture(page, name.replace('incident', 'verifier'), { x: verdict.x - 16, y: scrolled + verdict.y - 8, width: verdict.width + 32, height: lists.y + lists.height - verdict.y + 24 });
  }
  await browser.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
