// Opens the browser verifier in a real Chromium, gives it files, presses the button and waits for the verdict.
//
//   node browser.mjs CHROMIUM PAGE FILE…
//
// Prints {"seconds": from the button to the verdict, "phase", "verdict", "text" of the result, "peak_bytes": of the
// page's own process}. Needs playwright-core from web/node_modules.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const { chromium } = createRequire(new URL('../web/package.json', import.meta.url))('playwright-core');
const [executablePath, page, ...files] = process.argv.slice(2);

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-background-networking'] });
try {
  const tab = await browser.newPage();
  await tab.goto(pathToFileURL(page).href);
  await tab.setInputFiles('#files', files);
  // By the page's own clock: how long it takes to look whether it is ready is not part of it.
  const result = await tab.evaluate(
    () =>
      new Promise((resolve) => {
        const root = document.documentElement;
        const started = performance.now();
        new MutationObserver(() => {
          const { phase, verdict } = root.dataset;
          if (phase === 'done' || phase === 'failed') resolve({ seconds: (performance.now() - started) / 1000, phase, verdict });
        }).observe(root, { attributes: true });
        document.querySelector('#check').click();
      }),
  );
  const text = await tab.innerText('#result');
  // The kernel's own record of the largest resident set, shared pages of the browser's program included.
  const { processInfo } = await (await browser.newBrowserCDPSession()).send('SystemInfo.getProcessInfo');
  const peaks = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => {
    const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${id}/status`, 'utf8'));
    return Number(line[1]) * 1024;
  });
  console.log(JSON.stringify({ ...result, peak_bytes: Math.max(...peaks), text }));
} finally {
  await browser.close();
}
