import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { after, before, test } from 'node:test';
import { to0x } from '../../src/bytes.ts';
import { keccak } from '../../src/chain/codec.ts';
import { isBadAnswer, maskUrl, RpcClient, RpcRefusal, type RpcOptions } from '../../src/chain/rpc.ts';
import { encodeInt, encodeList, encodeString } from '../../src/chain/rlp.ts';
import { ArchiveError } from '../../src/errors.ts';

interface Call {
  id: number;
  method: string;
  params: any[];
}

// A real server that can lie, fail, dawdle and flood.
let respond: (call: Call) => [number, string | Buffer] | null = () => null;
let calls: Call[] = [];
let url = '';
let clients = 0;
const server: Server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const call: Call = JSON.parse(Buffer.concat(parts).toString());
    // A call that was given up may still come in while the next client asks.
    if (request.url === `/${clients}`) calls.push(call);
    const answer = respond(call);
    // Null hangs until the client goes away.
    if (answer === null) return;
    const [status, body] = answer;
    response.writeHead(status, status === 302 ? { Location: 'http://127.0.0.1:1/elsewhere' } : {});
    response.end(body);
  });
});

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  url = `http://127.0.0.1:${address.port}`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

function client(options: RpcOptions = {}): RpcClient {
  calls = [];
  clients += 1;
  return new RpcClient(`${url}/${clients}`, options);
}

/** Answers by method; a function gets the parameters. */
function answers(results: Record<string, unknown>): void {
  respond = ({ id, method, params }) => {
    const found = results[method];
    return [200, JSON.stringify({ jsonrpc: '2.0', id, result: typeof found === 'function' ? found(...params) : found })];
  };
}

async function codeOf(run: () => Promise<unknown>): Promise<string> {
  return (await errorOf(run)).code;
}

async function errorOf(run: () => Promise<unknown>): Promise<ArchiveError> {
  try {
    await run();
  } catch (error) {
    assert.ok(error instanceof ArchiveError, String(error));
    return error;
  }
  return new ArchiveError('none', '');
}

test('nothing is asked until a method is called, and each call is one request', async () => {
  const node = client();
  assert.equal(calls.length, 0);
  answers({ eth_chainId: '0x61', eth_blockNumber: '0x10' });
  assert.equal(await node.call('eth_chainId'), '0x61');
  assert.equal(await node.head(), 16);
  assert.deepEqual(calls.map(({ id, method, params }) => [id, method, params]), [[1, 'eth_chainId', []], [2, 'eth_blockNumber', []]]);
});

for (const [status, code] of [
  [302, 'chain.rpc_http'], [400, 'chain.rpc_http'], [401, 'chain.rpc_forbidden'], [403, 'chain.rpc_forbidden'], [404, 'chain.rpc_http'],
  [429, 'chain.rpc_busy'], [500, 'chain.rpc_unreachable'], [503, 'chain.rpc_unreachable'],
] as const) {
  test(`HTTP ${status} is ${code}`, async () => {
    respond = () => [status, '<html>no</html>'];
    const error = await errorOf(() => client().call('eth_chainId'));
    assert.equal(error.code, code);
    assert.ok(!isBadAnswer(error));
    assert.equal(calls.length, 1);
  });
}

for (const body of [
  '', 'not json', '[]', 'null', Buffer.from([0xff, 0xfe]), Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d]), '['.repeat(100_000), '{"id":1,"result":' + '{"":'.repeat(100_000),
  '{"jsonrpc":"2.0","id":2,"result":1}', '{"jsonrpc":"2.0","id":"1","result":1}', '{"jsonrpc":"2.0","result":1}', '{"jsonrpc":"2.0","id":1}',
  '{"jsonrpc":"2.0","id":1,"error":"x"}', '{"jsonrpc":"2.0","id":1,"result":NaN}',
]) {
  test(`an answer that is none: ${String(body).slice(0, 40)}`, async () => {
    respond = () => [200, body];
    const error = await errorOf(() => client().call('eth_chainId'));
    assert.equal(error.code, 'chain.rpc_bad_answer');
    assert.ok(isBadAnswer(error));
  });
}

test('a refusal of the node is told without the key of the URL', async () => {
  respond = ({ id }) => [200, JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32601, message: `no such method for SECRETKEY123 at ${url}/v1/SECRETKEY123` } })];
  calls = [];
  const error = await errorOf(() => new RpcClient(`${url}/v1/SECRETKEY123`).call('eth_x'));
  assert.ok(error instanceof RpcRefusal);
  assert.equal(error.rpcCode, -32601);
  assert.ok(!error.message.includes('SECRETKEY123'), error.message);
  respond = () => [400, '{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no"}}'];
  assert.equal(await codeOf(() => client().call('eth_x')), 'chain.rpc_error');
});

test('only scheme, host and port of a URL are shown', () => {
  assert.equal(maskUrl('https://user:pass@node.example:8545/v1/KEY?k=1#x'), 'https://node.example:8545/…');
  assert.equal(maskUrl('http://[::1]:8545/'), 'http://[::1]:8545');
  assert.equal(maskUrl('no url'), '(malformed URL)');
  for (const wrong of ['no url', 'ftp://x.example', 'javascript:alert(1)', 'https://user:pass@x.example']) {
    assert.throws(() => new RpcClient(wrong), (error: ArchiveError) => error.code === 'chain.rpc_url' && !error.message.includes('pass@'));
  }
});

test('answers are bounded in size and in time, and end with the page', async () => {
  respond = ({ id }) => [200, JSON.stringify({ id, result: '0x' + '00'.repeat(5000) })];
  assert.equal(await codeOf(() => client({ maxBytes: 4096 }).call('eth_getCode')), 'chain.rpc_too_large');
  respond = () => null;
  assert.equal(await codeOf(() => client({ timeoutMs: 1 }).call('eth_chainId')), 'chain.rpc_timeout');
  const control = new AbortController();
  const asked = codeOf(() => client({ signal: control.signal }).call('eth_chainId'));
  control.abort();
  assert.equal(await asked, 'chain.rpc_unreachable');
  assert.equal(await codeOf(() => client({ signal: control.signal }).call('eth_chainId')), 'chain.rpc_unreachable');
  calls = [];
  const refused = await errorOf(() => new RpcClient('http://127.0.0.1:1/KEYKEYKEY').call('eth_chainId'));
  assert.equal(refused.code, 'chain.rpc_unreachable');
  assert.ok(!refused.message.includes('KEYKEYKEY'));
});

const word = (fill: number) => '0x' + fill.toString(16).padStart(2, '0').repeat(32);
const FIELDS = {
  parentHash: word(1), sha3Uncles: word(2), miner: '0x' + 'AB'.repeat(20), stateRoot: word(3), transactionsRoot: word(4), receiptsRoot: word(5),
  logsBloom: '0x' + '00'.repeat(256), difficulty: '0x2', number: '0x11', gasLimit: '0x5', gasUsed: '0x0', timestamp: '0x64', extraData: '0x',
  mixHash: word(6), nonce: '0x' + '00'.repeat(8), baseFeePerGas: '0x0', withdrawalsRoot: null,
};
const INTEGERS = new Set(['difficulty', 'number', 'gasLimit', 'gasUsed', 'timestamp', 'baseFeePerGas']);
const RLP = encodeList(
  Object.entries(FIELDS)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => (INTEGERS.has(name) ? encodeInt(BigInt(value!)) : encodeString(Buffer.from(value!.slice(2), 'hex')))),
);
const BLOCK = { ...FIELDS, hash: to0x(keccak(RLP)), transactions: [] };

test('a chain is told by id and first block', async () => {
  answers({ eth_chainId: '0x61', eth_getBlockByNumber: { ...BLOCK, number: '0x0' } });
  assert.deepEqual(await client().identify(), { chainId: 97, genesis: BLOCK.hash });
  assert.deepEqual(calls.map(({ method, params }) => [method, params]), [['eth_chainId', []], ['eth_getBlockByNumber', ['0x0', false]]]);
  answers({ eth_chainId: '0x61', eth_getBlockByNumber: null });
  assert.equal(await codeOf(() => client().identify()), 'chain.rpc_bad_answer');
  for (const wrong of [97, '97', '0x061', '0x', null, '0x' + 'f'.repeat(64)]) {
    answers({ eth_chainId: wrong });
    assert.equal(await codeOf(() => client().identify()), 'chain.rpc_bad_answer');
  }
});

test('a block by number, hash and tag, and its header', async () => {
  answers({ eth_getBlockByNumber: BLOCK, eth_getBlockByHash: BLOCK });
  const node = client();
  for (const which of [17, BLOCK.hash, 'finalized']) {
    assert.deepEqual(await node.block(which), { number: 17, hash: BLOCK.hash });
    assert.deepEqual(await node.header(which), { number: 17, hash: BLOCK.hash, raw: RLP, timestamp: 100 });
  }
  assert.deepEqual([...new Set(calls.map(({ params }) => params[0]))], ['0x11', BLOCK.hash, 'finalized']);
  assert.equal(await codeOf(() => node.block(18)), 'chain.rpc_bad_answer');
  assert.equal(await codeOf(() => node.block(word(9))), 'chain.rpc_bad_answer');
  for (const [changed, code] of [
    [{ hash: '0x12' }, 'chain.rpc_bad_answer'], [{ hash: null }, 'chain.rpc_bad_answer'], [{ number: 17 }, 'chain.rpc_bad_answer'],
    [{ stateRoot: word(7) }, 'chain.header_mismatch'], [{ withdrawalsRoot: word(7) }, 'chain.header_mismatch'], [{ miner: '0x12' }, 'chain.rpc_bad_answer'],
    [{ gasLimit: '0x05' }, 'chain.rpc_bad_answer'], [{ stateRoot: null }, 'chain.rpc_bad_answer'],
  ] as const) {
    answers({ eth_getBlockByNumber: { ...BLOCK, ...changed } });
    assert.equal(await codeOf(() => node.header(17)), code, JSON.stringify(changed));
  }
  answers({ eth_getBlockByNumber: null });
  assert.equal(await node.block(17), null);
  assert.equal(await node.header(17), null);
  answers({ eth_getBlockByNumber: 'x' });
  assert.equal(await codeOf(() => node.block(17)), 'chain.rpc_bad_answer');
});

test('a receipt is given as its bytes in the trie', async () => {
  const log = { address: '0x' + 'cc'.repeat(20), topics: [word(1)], data: '0x1234' };
  const receipt = { type: '0x2', status: '0x1', cumulativeGasUsed: '0x5208', logsBloom: '0x' + '00'.repeat(256), logs: [log], blockHash: word(8) };
  answers({ eth_getTransactionReceipt: receipt });
  const found = await client().receipt(word(9));
  assert.equal(found?.blockHash, word(8));
  assert.equal(found.raw[0], 2);
  answers({ eth_getTransactionReceipt: { ...receipt, type: undefined } });
  assert.ok((await client().receipt(word(9)))!.raw[0]! >= 0xc0);
  answers({ eth_getTransactionReceipt: null });
  assert.equal(await client().receipt(word(9)), null);
  respond = ({ id }) => [200, JSON.stringify({ id, error: { code: -1, message: 'pruned' } })];
  assert.equal(await client().receipt(word(9)), null);
  for (const changed of [{ type: '0x80' }, { status: 1 }, { logs: null }, { logs: [{ ...log, topics: [word(1), '0x'] }] }, { logs: [{ ...log, topics: Array(5).fill(word(1)) }] }, { blockHash: null }]) {
    answers({ eth_getTransactionReceipt: { ...receipt, ...changed } });
    assert.equal(await codeOf(() => client().receipt(word(9))), 'chain.rpc_bad_answer', JSON.stringify(changed));
  }
});

test('entries and heads of a registry', async () => {
  const registry = '0x' + 'c0'.repeat(20);
  const publisher = '0x' + 'aa'.repeat(20);
  const words = (...values: (number | string)[]) => '0x' + values.map((value) => (typeof value === 'number' ? value.toString(16).padStart(64, '0') : value)).join('');
  const tag = '11'.repeat(19) + '00'.repeat(13);
  answers({ eth_call: words(tag, 1000, 17, 1, 16) });
  const entry = await client().entry(registry, publisher, '5'.repeat(64));
  assert.deepEqual(entry, { tag: new Uint8Array(19).fill(0x11), time: 1000, block: 17, ordinal: 1, flags: 16 });
  // entryOf(address,bytes32)
  assert.deepEqual(calls[0]!.params, [{ to: registry, data: '0x' + to0x(keccak(Buffer.from('entryOf(address,bytes32)'))).slice(2, 10) + '00'.repeat(12) + 'aa'.repeat(20) + '5'.repeat(64) }, 'latest']);
  answers({ eth_call: words('22'.repeat(29) + '000000', 3) });
  assert.deepEqual(await client().registryHead(registry, publisher, word(1)), { rootPrefix: new Uint8Array(29).fill(0x22), ordinal: 3 });
  answers({ eth_call: words('00'.repeat(32), 0, 0, 0, 0) });
  assert.equal(await client().entry(registry, publisher, '5'.repeat(64)), null);
  for (const wrong of [words(1), words('11'.repeat(32), 1, 1, 1, 0), words(tag, 2 ** 41, 1, 1, 0), words(tag, 1, 1, 65536, 0), words(tag, 1, 1, 1, 256)]) {
    answers({ eth_call: wrong });
    assert.equal(await codeOf(() => client().entry(registry, publisher, '5'.repeat(64))), 'chain.other_code');
  }
  answers({ eth_call: words('22'.repeat(30) + '0000', 3) });
  assert.equal(await codeOf(() => client().registryHead(registry, publisher, word(1))), 'chain.other_code');
  answers({ eth_call: '0x' });
  assert.equal(await codeOf(() => client().entry(registry, publisher, '5'.repeat(64))), 'chain.no_contract');
});

test('storage, code and logs', async () => {
  const address = '0x' + 'cc'.repeat(20);
  const log = { address, topics: [word(1), word(2)], data: '0x' };
  answers({ eth_getStorageAt: word(1), eth_getCode: '0x6000', eth_getLogs: [log, { ...log, address: '0x' + 'dd'.repeat(20) }, { ...log, topics: [word(2)] }] });
  assert.equal(await client().word(address, new Uint8Array(32)), BigInt(word(1)));
  assert.equal(await client().codeHash(address), to0x(keccak(new Uint8Array([0x60, 0]))));
  assert.equal((await client().logs(address, [new Uint8Array(32).fill(1)], 5)).length, 1);
  assert.deepEqual(calls[0]!.params, [{ address, topics: [word(1)], fromBlock: '0x5', toBlock: '0x5' }]);
  answers({ eth_getStorageAt: '0x1', eth_getCode: null, eth_getLogs: Array(1025).fill(log) });
  assert.equal(await codeOf(() => client().word(address, new Uint8Array(32))), 'chain.rpc_bad_answer');
  assert.equal(await codeOf(() => client().codeHash(address)), 'chain.rpc_bad_answer');
  assert.equal(await codeOf(() => client().logs(address, [])), 'chain.rpc_bad_answer');
});
