// Runs test/**/*.test.ts with Node's own test runner: node test.mjs [FOLDER-OR-FILE-PART…]. Bundled by esbuild first, in a temporary folder.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const web = dirname(fileURLToPath(import.meta.url));
const wanted = process.argv.slice(2);
const all = readdirSync(join(web, 'test'), { recursive: true })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => join(web, 'test', name))
  .sort();
const chosen = all.filter((path) => wanted.length === 0 || wanted.some((part) => path.includes(part)));
if (chosen.length === 0) {
  console.error(`test.mjs: no test matches ${wanted.join(' ')}`);
  process.exit(2);
}
const out = mkdtempSync(join(tmpdir(), 'verifier-tests-'));
try {
  // What stays outside of the bundles is looked for beside them.
  symlinkSync(realpathSync(join(web, 'node_modules')), join(out, 'node_modules'));
  await build({
    entryPoints: chosen,
    outdir: out,
    outbase: join(web, 'test'),
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: 'inline',
    external: ['playwright-core'],
    logLevel: 'warning',
    banner: { js: `import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(${JSON.stringify(join(web, 'test.mjs'))});` },
  });
  const files = chosen.map((path) => join(out, relative(join(web, 'test'), path).replace(/\.ts$/, '.mjs')));
  const done = spawnSync(process.execPath, ['--enable-source-maps', '--test', '--test-reporter=spec', ...files], {
    cwd: web,
    env: { ...process.env, VERIFIER_ROOT: dirname(web) },
    stdio: 'inherit',
  });
  process.exitCode = done.status ?? 1;
} finally {
  rmSync(out, { recursive: true, force: true });
}
