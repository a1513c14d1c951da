// Builds the browser verifier: one HTML file with everything in it, the same bytes on every machine.
//
//   node build.mjs            writes archive/site/assets/verifier.html
//   node build.mjs --check    compares it with what the sources give
//   node build.mjs --out FILE writes it elsewhere, for tests
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, transform } from 'esbuild';

const web = dirname(fileURLToPath(import.meta.url));
const project = dirname(web);
const out = process.argv.indexOf('--out');
const target = out > 0 ? process.argv[out + 1] : join(project, 'archive', 'site', 'assets', 'verifier.html');
const registry = JSON.parse(readFileSync(join(project, 'archive', 'chain', 'artifacts', 'IncidentRegistry.json'), 'utf8'));

async function bundle(entry) {
  const result = await build({
    absWorkingDir: web,
    entryPoints: [entry],
    bundle: true,
    write: false,
    minify: true,
    format: 'iife',
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'none',
    define: { REGISTRY_CODE_HASH: JSON.stringify(registry.code_hash) },
    logLevel: 'warning',
  });
  const text = result.outputFiles[0].text.trimEnd();
  // Inside a script element these would end it, or change how the rest is read.
  for (const mark of ['</script', '<script', '<!--']) if (text.toLowerCase().includes(mark)) throw new Error(`${entry}: the script holds ${mark}`);
  return text;
}

const hash = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

async function page() {
  const [main, worker] = [await bundle('src/ui/main.ts'), await bundle('src/worker.ts')];
  const style = (await transform(readFileSync(join(web, 'styles.css'), 'utf8'), { loader: 'css', minify: true, charset: 'utf8' })).code.trimEnd();
  const policy = [
    "default-src 'none'",
    `script-src ${hash(main)} 'wasm-unsafe-eval'`,
    `style-src ${hash(style)}`,
    // The worker is made from the script in the page. `img-src data:` is for the empty icon, without which a browser asks for one.
    'worker-src blob:',
    'img-src data:',
    // Only what the user asks for by name: nodes, gateways, the files of a link.
    "connect-src 'self' https: http://127.0.0.1:* http://localhost:*",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const parts = { POLICY: policy, STYLE: style, WORKER: worker, PAGE: main };
  return readFileSync(join(web, 'index.html'), 'utf8').replace(/%(POLICY|STYLE|WORKER|PAGE)%/g, (_, name) => parts[name]);
}

const made = Buffer.from(await page());
const size = `${made.length.toLocaleString('en')} bytes (${gzipSync(made, { level: 9 }).length.toLocaleString('en')} compressed), sha256 ${createHash('sha256').update(made).digest('hex')}`;
if (process.argv.includes('--check')) {
  let there = null;
  try {
    there = readFileSync(target);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  if (there === null || !made.equals(there)) {
    console.error('archive/site/assets/verifier.html is not what web/ gives: run `make web` and commit it');
    process.exit(1);
  }
  console.log(`verifier.html is what web/ gives: ${size}`);
} else {
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, made);
  console.log(`${target}: ${size}`);
}
