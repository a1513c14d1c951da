// The small parts of the page: names made visible, links, addresses, languages, the session's trust file.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAddresses, readQuorum } from '../../src/ui/asked.ts';
import { chooseLanguage } from '../../src/ui/i18n/index.ts';
import { readLink } from '../../src/ui/links.ts';
import { addPublisher, addRegistry, EMPTY, goodName, isEmpty, otherEntries, toBytes, without } from '../../src/ui/trust.ts';
import { hasHidden, isolated, mixesAlphabets, plain, visible } from '../../src/ui/visible.ts';
import { parseTrust } from '../../src/verify/trust.ts';

test('what shows nothing, or turns the direction of text, is written out', () => {
  assert.equal(visible('invoice\u202Efdp.exe'), 'invoice⟨U+202E⟩fdp.exe');
  for (const hidden of [
    '\u0000',
    '\n',
    '\u00ad',
    '\u200b',
    '\u200f',
    '\u061c',
    '\u2028',
    '\u2066',
    '\ufeff',
    '\u{e0041}',
    '\ue000',
    '\u3164',
    '\u2800',
    '\ud800',
  ]) {
    assert.match(visible(`a${hidden}b`), /^a⟨U\+[0-9A-F]{4,5}⟩b$/, JSON.stringify(hidden));
    assert.ok(hasHidden(hidden));
  }
  for (const fine of ['prices.csv', '笔记.txt', 'דוח.pdf', 'é', 'a b', '🙂', "<b>&'"]) assert.equal(visible(fine), fine);
  assert.equal(plain(isolated('דוח')), 'דוח');
});

test('words that mix alphabets whose letters look alike are told', () => {
  assert.ok(mixesAlphabets('b\u0430lance.csv'));
  assert.ok(mixesAlphabets('Bin\u03b1nce'));
  for (const fine of ['balance.csv', 'отчёт.pdf', 'отчёт.pdf report.pdf', '交易 report']) assert.ok(!mixesAlphabets(fine), fine);
});

test('a link names files of the web, and nothing else', () => {
  const page = new URL('https://archive.example/assets/verifier.html');
  const link = readLink(
    '#bundle=../x.proof.json&files=https://other.example/a.csv&files=http://plain.example/b&files=javascript:1&files=https://u:p@h.example/c&lang=zh',
    page,
  )!;
  assert.deepEqual(link.urls.map(String), ['https://archive.example/x.proof.json', 'https://other.example/a.csv']);
  assert.deepEqual(link.bad, ['http://plain.example/b', 'javascript:1', 'https://u:p@h.example/c']);
  const local = ['http://localhost:8545/', 'https://127.0.0.1/a', 'http://127.1:1/', 'https://x.localhost/', 'http://[::1]:5001/a', 'https://localhost./'];
  const inward = `#${local.map((url) => `files=${encodeURIComponent(url)}`).join('&')}`;
  assert.deepEqual(readLink(inward, page)!.urls.map(String), []);
  assert.deepEqual(readLink(inward, page)!.bad, local);
  assert.equal(readLink(inward, new URL('file:///home/a/verifier.html'))!.urls.length, local.length);
  assert.equal(readLink('#lang=zh', page), null);
  assert.deepEqual(readLink('#bundle=x.proof.json', new URL('file:///home/a/verifier.html'))!.urls, []);
  assert.equal(
    readLink('#bundle=x.json', new URL('http://127.0.0.1:8080/ipfs/bafy/v.html'))!.urls[0]!.href,
    'http://127.0.0.1:8080/ipfs/bafy/x.json',
  );
});

test('addresses to ask: https, or http on this device; one host counts once', () => {
  assert.deepEqual(readAddresses(' https://a.example/key\nhttp://localhost:8545  https://a.example/other'), {
    urls: ['https://a.example/key', 'http://localhost:8545', 'https://a.example/other'],
    hosts: ['a.example', 'localhost:8545'],
    bad: null,
  });
  for (const bad of ['http://a.example', 'ftp://a', 'a.example', 'file:///x', 'javascript:1'])
    assert.equal(readAddresses(`https://b.example ${bad}`).bad, bad);
  assert.equal(readQuorum('', 0), null);
  assert.equal(readQuorum(' 2 ', 2), 2);
  for (const bad of ['0', '3', '-1', '1.5', 'two']) assert.equal(readQuorum(bad, 2), undefined, bad);
});

test('the language is the one asked for, else the browser’s, else English', () => {
  assert.equal(chooseLanguage('zh', ['en']).lang, 'zh');
  assert.equal(chooseLanguage(null, ['fr', 'zh-TW', 'en']).lang, 'zh');
  assert.equal(chooseLanguage('xx', ['fr']).lang, 'en');
});

test('what is trusted in the page is a trust file that the verifier reads', () => {
  const address = `0x${'ab'.repeat(20)}`;
  const hash = `0x${'cd'.repeat(32)}`;
  const registry = { name: 'Desk', chain_id: 97, genesis: hash, address, code_hash: hash, workspace_chain: false };
  let trust = addRegistry(EMPTY, registry);
  trust = addRegistry(trust, { ...registry, address: `0x${'ac'.repeat(20)}` });
  trust = addPublisher(trust, { address, name: 'Desk' });
  const read = parseTrust(toBytes(trust));
  assert.deepEqual(
    read.registries.map((r) => r.name),
    ['Desk', 'Desk (2)'],
  );
  assert.equal(read.publishers[0]!.name, 'Desk');
  assert.ok(!isEmpty(trust));
  assert.ok(isEmpty(without(without(without(trust, trust.registries[0]!), trust.registries[1]!), trust.publishers[0]!)));
  assert.equal(otherEntries({ ...EMPTY, validator_sets: [{}, {}] }), 2);
  for (const bad of ['', '  ', 'a\u202eb', 'a\nb', 'x'.repeat(201), 'a\u00a0b']) assert.ok(!goodName(bad), JSON.stringify(bad));
  for (const good of ['The desk', '报社', 'a'.repeat(200)]) assert.ok(goodName(good));
});
