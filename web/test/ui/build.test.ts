// The page is one file, the same each time, and its policy lets nothing in that is not part of it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ROOT } from '../vectors.ts';

const work = mkdtempSync(join(tmpdir(), 'verifier-build-'));
after(() => rmSync(work, { recursive: true, force: true }));

function built(name: string): string {
  const path = join(work, name);
  execFileSync(process.execPath, [join(ROOT, 'web', 'build.mjs'), '--out', path], { cwd: work });
  return readFileSync(path, 'utf8');
}
const page = built('a.html');
const policy = new Map(
  /http-equiv="Content-Security-Policy" content="([^"]+)"/
    .exec(page)![1]!
    .split('; ')
    .map((rule) => [rule.split(' ')[0]!, rule.split(' ').slice(1)]),
);
const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

test('two builds give the same bytes', () => assert.equal(built('b.html'), page));

test('script and style are those of the policy, and nothing else may run', () => {
  const scripts = [...page.matchAll(/<script([^>]*)>([^]*?)<\/script>/g)];
  assert.deepEqual(
    scripts.map(([, attributes]) => attributes),
    [' type="text/plain" id="worker"', ''],
  );
  assert.deepEqual(policy.get('script-src'), [hashOf(scripts[1]![2]!), "'wasm-unsafe-eval'"]);
  assert.deepEqual(policy.get('style-src'), [hashOf(/<style>([^]*?)<\/style>/.exec(page)![1]!)]);
  assert.deepEqual(policy.get('default-src'), ["'none'"]);
  assert.deepEqual(policy.get('worker-src'), ['blob:']);
  for (const name of ['base-uri', 'form-action']) assert.deepEqual(policy.get(name), ["'none'"]);
  assert.deepEqual([...policy.keys()].sort(), [
    'base-uri',
    'connect-src',
    'default-src',
    'form-action',
    'img-src',
    'script-src',
    'style-src',
    'worker-src',
  ]);
});

test('the page names no file beside itself', () => {
  const markup = page.replace(/<script[^>]*>[^]*?<\/script>/g, '').replace(/<style>[^]*?<\/style>/g, '');
  assert.doesNotMatch(markup, /\b(?:src|srcset|action|poster)=/);
  assert.deepEqual(
    [...markup.matchAll(/\bhref="([^"]*)"/g)].map(([, to]) => to),
    ['data:,'],
  );
  assert.doesNotMatch(page, /@import|url\(|sourceMappingURL/);
});
