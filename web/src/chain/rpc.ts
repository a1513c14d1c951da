import { hexToBytes } from '@noble/hashes/utils.js';
import { equalBytes, to0x } from '../bytes.ts';
import { ArchiveError } from '../errors.ts';
import { isObject, own } from '../format/canonical.ts';
import { HASH, keccak, MAX_SAFE, toBigInt } from './codec.ts';
import { decodeHeader } from './header.ts';
import { decodeReceipt, type Log } from './receipt.ts';
import { decodeEntry, decodeHead, encodeEntryOf, encodeHeadOf, type Entry, type Head } from './registry.ts';
import { encodeInt, encodeList, encodeString } from './rlp.ts';
import { Malformed } from './steps.ts';

// Asking a node that the user named, when the user says so. Answers are bounded in size and time and decoded strictly, and
// none of them proves anything: they are one source's word.

const TIMEOUT_MS = 20_000;
const MAX_BYTES = 8 * 1024 * 1024;
const MAX_LOGS = 1024;
const DATA = /^0x(?:[0-9a-fA-F]{2})*$/;
const QUANTITY = /^0x(?:0|[1-9a-fA-F][0-9a-fA-F]{0,63})$/;
/** Pieces of a URL of this length may be a key. */
const SECRET_LENGTH = 8;

/** Name in a node's JSON, and size in bytes, 'int' for an integer, null for any size; in the order of the header's list. */
const HEADER_FIELDS: readonly (readonly [string, number | 'int' | null])[] = [
  ['parentHash', 32], ['sha3Uncles', 32], ['miner', 20], ['stateRoot', 32], ['transactionsRoot', 32], ['receiptsRoot', 32],
  ['logsBloom', 256], ['difficulty', 'int'], ['number', 'int'], ['gasLimit', 'int'], ['gasUsed', 'int'], ['timestamp', 'int'],
  ['extraData', null], ['mixHash', 32], ['nonce', 8],
  // Each of these came with a fork, follows all earlier ones, and is null or absent before it.
  ['baseFeePerGas', 'int'], ['withdrawalsRoot', 32], ['blobGasUsed', 'int'], ['excessBlobGas', 'int'], ['parentBeaconBlockRoot', 32],
  ['requestsHash', 32],
];
const BASE_FIELDS = 15;

export interface RpcOptions {
  /** For one whole call, from connecting to the last byte; default 20,000. */
  readonly timeoutMs?: number;
  /** Largest answer that is read; default 8 MiB. */
  readonly maxBytes?: number;
  /** Ends all calls. */
  readonly signal?: AbortSignal;
  /** In place of the global one, for tests. */
  readonly fetch?: typeof fetch;
}

export interface ChainIdentity {
  readonly chainId: number;
  readonly genesis: string;
}

/** A block as a node tells it. */
export interface NodeBlock {
  readonly number: number;
  readonly hash: string;
}

/** A header whose fields hash to the block's hash; `raw` is its RLP. */
export interface NodeHeader extends NodeBlock {
  readonly raw: Uint8Array;
  readonly timestamp: number;
}

/** The bytes of a receipt as in the trie, rebuilt from what the node tells. */
export interface NodeReceipt {
  readonly blockHash: string;
  readonly raw: Uint8Array;
}

/** The node understood the call and refused it. */
export class RpcRefusal extends ArchiveError {
  readonly rpcCode: number;
  readonly rpcMessage: string;

  constructor(method: string, rpcCode: number, rpcMessage: string) {
    super(
      'chain.rpc_error',
      `the node refused ${method}: ${rpcMessage.slice(0, 300)} (${rpcCode})`,
      'the node does not serve this, or not now; try another RPC URL',
    );
    this.rpcCode = rpcCode;
    this.rpcMessage = rpcMessage;
  }
}

// Codes for what a node answered wrongly; all others mean that it could not be asked, or would not answer.
const BAD_ANSWERS: ReadonlySet<string> = new Set([
  'chain.rpc_bad_answer', 'chain.rpc_too_large', 'chain.header_mismatch', 'chain.other_code', 'chain.no_contract',
]);

/** True where the node answered what no sound node answers; false where it could not be asked. */
export function isBadAnswer(error: ArchiveError): boolean {
  return BAD_ANSWERS.has(error.code);
}

/** A URL as it may be shown: scheme, host and port only, because keys hide in user, path and query alike. */
export function maskUrl(url: string): string {
  const parts = parseUrl(url);
  if (parts === null) return '(malformed URL)';
  const hidden = parts.username !== '' || parts.pathname.replaceAll('/', '') !== '' || parts.search !== '' || parts.hash !== '';
  return `${parts.protocol}//${parts.host}${hidden ? '/…' : ''}`;
}

/** JSON-RPC over HTTP(S) to one node. Nothing is asked before a method is called; one call is one request, never a batch. */
export class RpcClient {
  readonly shownUrl: string;
  private readonly url: string;
  private readonly secrets: readonly string[];
  private readonly timeoutMs: number;
  private readonly maxBytes: number;
  private readonly signal: AbortSignal | undefined;
  private readonly fetch: typeof fetch;
  private calls = 0;

  /** Throws ArchiveError `chain.rpc_url`. */
  constructor(url: string, options: RpcOptions = {}) {
    const parts = parseUrl(url);
    this.shownUrl = maskUrl(url);
    if (parts === null || !['http:', 'https:'].includes(parts.protocol)) {
      throw new ArchiveError('chain.rpc_url', `${this.shownUrl}: not an HTTP URL`, 'an RPC URL starts with http:// or https://');
    }
    if (parts.username !== '' || parts.password !== '') {
      throw new ArchiveError('chain.rpc_url', `${this.shownUrl}: browsers send no user or password in a URL`, 'use a URL with its key in path or query');
    }
    this.url = url;
    this.secrets = [url, ...`${parts.pathname}?${parts.search}`.split(/[/?&=#]/).filter((piece) => piece.length >= SECRET_LENGTH)];
    this.timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.maxBytes = options.maxBytes ?? MAX_BYTES;
    this.signal = options.signal;
    this.fetch = options.fetch ?? ((input, init) => fetch(input, init));
  }

  /**
   * The `result` of a call. Throws RpcRefusal, or ArchiveError `chain.rpc_unreachable`, `.rpc_timeout`, `.rpc_busy`,
   * `.rpc_forbidden`, `.rpc_http` (could not be asked), `.rpc_bad_answer`, `.rpc_too_large` (answered what no node answers).
   */
  async call(method: string, params: readonly unknown[] = []): Promise<unknown> {
    this.calls += 1;
    const id = this.calls;
    const { status, body } = await this.post(method, JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    if (status !== 200) throw this.httpError(method, status, body);
    const answer = this.parse(body);
    if (own(answer, 'id') !== id) throw this.bad(`${method}: the answer is to another call`);
    const error = own(answer, 'error');
    if (error !== undefined && error !== null) {
      if (!isObject(error)) throw this.bad(`${method}: the error is not an object`);
      throw this.refusal(method, error);
    }
    if (!Object.hasOwn(answer, 'result')) throw this.bad(`${method}: neither result nor error`);
    return answer['result'];
  }

  /** Chain id and hash of block 0. */
  async identify(): Promise<ChainIdentity> {
    const chainId = toNumber(await this.call('eth_chainId'), 'chain id');
    const first = await this.block(0);
    if (first === null) throw badAnswer('block 0', 'a block', null);
    return { chainId, genesis: first.hash };
  }

  /** A block by number, hash (`0x` + 64 hex) or tag; null when the node has none. */
  async block(which: number | string): Promise<NodeBlock | null> {
    const value = await this.blockJson(which);
    return value === null ? null : blockOf(value);
  }

  /** The same with its header; throws also `chain.header_mismatch`, which is a lie or a fork that is not known here. */
  async header(which: number | string): Promise<NodeHeader | null> {
    const value = await this.blockJson(which);
    if (value === null) return null;
    const block = blockOf(value);
    const raw = headerBytes(value);
    if (to0x(keccak(raw)) !== block.hash) {
      throw new ArchiveError('chain.header_mismatch', `block ${block.number}: the fields that the node gives do not hash to ${block.hash}`);
    }
    try {
      return { ...block, raw, timestamp: decodeHeader(raw).timestamp };
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      throw badAnswer('block header', 'a header within bounds', error.message);
    }
  }

  /** Number of the newest block. */
  async head(): Promise<number> {
    return toNumber(await this.call('eth_blockNumber'), 'block number');
  }

  /** keccak256 of the code at an address, `0x` + hex. */
  async codeHash(address: string): Promise<string> {
    return to0x(keccak(toBytes(await this.call('eth_getCode', [address, 'latest']), 'code')));
  }

  /** A transaction's receipt; null when the node keeps it no more. */
  async receipt(txHash: string): Promise<NodeReceipt | null> {
    let value: unknown;
    try {
      value = await this.call('eth_getTransactionReceipt', [txHash]);
    } catch (error) {
      if (error instanceof RpcRefusal) return null;
      throw error;
    }
    if (value === null) return null;
    if (!isObject(value)) throw badAnswer('receipt', 'an object', value);
    const raw = receiptBytes(value);
    try {
      decodeReceipt(raw, 0);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      throw badAnswer('receipt', 'a receipt within bounds', error.message);
    }
    return { blockHash: toHash(value['blockHash'], 'block hash'), raw };
  }

  /** The registry's entry of (publisher, root), null for none; throws also `chain.no_contract`, `chain.other_code`. */
  entry(registry: string, publisher: string, root: string): Promise<Entry | null> {
    return this.view(registry, encodeEntryOf(publisher, root), decodeEntry);
  }

  /** The registry's newest anchor of (publisher, incident key), null for none; throws as `entry`. */
  registryHead(registry: string, publisher: string, incidentKey: string): Promise<Head | null> {
    return this.view(registry, encodeHeadOf(publisher, incidentKey), decodeHead);
  }

  /** One word of storage. */
  async word(address: string, slot: Uint8Array): Promise<bigint> {
    const answer = await this.call('eth_getStorageAt', [address, to0x(slot), 'latest']);
    return toBigInt(toBytes(answer, 'storage word', 32));
  }

  /** Logs of a contract whose first topics are these: of one block, or of all that the node has. */
  async logs(address: string, topics: readonly Uint8Array[], block?: number): Promise<Log[]> {
    const span = block === undefined ? { fromBlock: '0x0', toBlock: 'latest' } : { fromBlock: toQuantity(block), toBlock: toQuantity(block) };
    const answer = await this.call('eth_getLogs', [{ address, topics: topics.map(to0x), ...span }]);
    if (!Array.isArray(answer) || answer.length > MAX_LOGS) throw badAnswer('logs', `a list of at most ${MAX_LOGS}`, answer);
    return answer.map(logOf).filter((log) => to0x(log.address) === address && topics.every((topic, i) => startsAt(log, i, topic)));
  }

  private async blockJson(which: number | string): Promise<Record<string, unknown> | null> {
    const byHash = typeof which === 'string' && HASH.test(which);
    const method = byHash ? 'eth_getBlockByHash' : 'eth_getBlockByNumber';
    const value = await this.call(method, [typeof which === 'number' ? toQuantity(which) : which, false]);
    if (value === null) return null;
    if (!isObject(value)) throw badAnswer('block', 'a block', value);
    const { number, hash } = blockOf(value);
    if (byHash ? hash !== which : typeof which === 'number' && number !== which) {
      throw badAnswer('block', `block ${which}`, byHash ? hash : number);
    }
    return value;
  }

  private async view<T>(address: string, calldata: Uint8Array, decode: (answer: Uint8Array) => T): Promise<T> {
    const answer = await this.call('eth_call', [{ to: address, data: to0x(calldata) }, 'latest']);
    const raw = toBytes(answer, 'answer of the registry');
    try {
      return decode(raw);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      throw new ArchiveError(
        raw.length > 0 ? 'chain.other_code' : 'chain.no_contract',
        `${address}: not a registry: its answer is malformed (${error.message})`,
        "check the registry's address and the network",
      );
    }
  }

  /** One request; the deadline covers the whole answer, so a node that drips bytes cannot outlast it. */
  private async post(method: string, request: string): Promise<{ status: number; body: Uint8Array }> {
    const control = new AbortController();
    let late = false;
    const stop = (): void => control.abort();
    const timer = setTimeout(() => {
      late = true;
      stop();
    }, this.timeoutMs);
    this.signal?.addEventListener('abort', stop);
    if (this.signal?.aborted) stop();
    try {
      const response = await this.fetch(this.url, {
        method: 'POST',
        body: request,
        headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
        signal: control.signal,
        // A redirect could carry a key in the URL to another host.
        redirect: 'manual',
        credentials: 'omit',
        cache: 'no-store',
        referrerPolicy: 'no-referrer',
      });
      return { status: response.status, body: await this.read(method, response) };
    } catch (error) {
      if (error instanceof ArchiveError) throw error;
      if (late) {
        throw new ArchiveError(
          'chain.rpc_timeout',
          `${this.shownUrl}: ${method} was not answered within ${this.timeoutMs / 1000} s`,
          'the node is slow or overloaded; try again, or use another RPC URL',
        );
      }
      // Browsers do not tell why, and the text of an error may hold the URL.
      throw new ArchiveError(
        'chain.rpc_unreachable',
        `${this.shownUrl}: no answer to ${method}`,
        'check that the node runs, that the RPC URL is right, and that it lets pages of other sites ask (CORS)',
      );
    } finally {
      clearTimeout(timer);
      this.signal?.removeEventListener('abort', stop);
    }
  }

  private async read(method: string, response: Response): Promise<Uint8Array> {
    const reader = response.body?.getReader();
    if (reader === undefined) return new Uint8Array();
    const parts: Uint8Array[] = [];
    let size = 0;
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      size += next.value.length;
      if (size > this.maxBytes) {
        await reader.cancel();
        throw new ArchiveError(
          'chain.rpc_too_large',
          `${this.shownUrl}: the answer to ${method} is larger than ${this.maxBytes} bytes`,
          'no node needs so much for this; try another RPC URL',
        );
      }
      parts.push(next.value);
    }
    const body = new Uint8Array(size);
    let at = 0;
    for (const part of parts) {
      body.set(part, at);
      at += part.length;
    }
    return body;
  }

  private httpError(method: string, status: number, body: Uint8Array): ArchiveError {
    const where = `${this.shownUrl}: HTTP ${status} to ${method}`;
    if (status === 429) return new ArchiveError('chain.rpc_busy', where, 'the node limits the rate: wait and try again');
    if (status >= 500) return new ArchiveError('chain.rpc_unreachable', where, 'the node is failing; try another RPC URL');
    if (status === 401 || status === 403) return new ArchiveError('chain.rpc_forbidden', where, 'the RPC URL needs a key, or its key is wrong');
    try {
      // Some nodes answer JSON-RPC errors under 4xx.
      const error = own(this.parse(body), 'error');
      if (isObject(error)) return this.refusal(method, error);
    } catch (error) {
      if (!(error instanceof ArchiveError)) throw error;
    }
    return new ArchiveError('chain.rpc_http', where, 'check the RPC URL');
  }

  private parse(body: Uint8Array): Record<string, unknown> {
    let answer: unknown;
    try {
      answer = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body));
    } catch {
      throw this.bad('not JSON');
    }
    if (!isObject(answer)) throw this.bad('not a JSON object');
    return answer;
  }

  private refusal(method: string, error: Record<string, unknown>): RpcRefusal {
    const [code, message] = [own(error, 'code'), own(error, 'message')];
    let text = typeof message === 'string' ? message : 'no message';
    // Nodes repeat what they were asked, the key in the URL too.
    for (const secret of this.secrets) text = text.replaceAll(secret, '…');
    return new RpcRefusal(method, typeof code === 'number' ? code : 0, text);
  }

  private bad(why: string): ArchiveError {
    return new ArchiveError(
      'chain.rpc_bad_answer',
      `${this.shownUrl}: the answer is malformed: ${why}`,
      'check that the URL is a JSON-RPC endpoint of an Ethereum node',
    );
  }
}

function parseUrl(url: string): URL | null {
  try {
    return new URL(url);
  } catch {
    return null;
  }
}

function toQuantity(value: number): string {
  return '0x' + value.toString(16);
}

/** Bytes that a node answered as hex. Nodes may use upper-case digits. */
function toBytes(value: unknown, what: string, size?: number): Uint8Array {
  if (typeof value !== 'string' || !DATA.test(value)) throw badAnswer(what, 'hex data', value);
  const bytes = hexToBytes(value.slice(2));
  if (size !== undefined && bytes.length !== size) throw badAnswer(what, `${size} bytes`, value);
  return bytes;
}

function toHash(value: unknown, what: string): string {
  return to0x(toBytes(value, what, 32));
}

function toInteger(value: unknown, what: string): bigint {
  if (typeof value !== 'string' || !QUANTITY.test(value)) throw badAnswer(what, 'a hex quantity', value);
  return BigInt(value);
}

function toNumber(value: unknown, what: string): number {
  const found = toInteger(value, what);
  if (found > BigInt(MAX_SAFE)) throw badAnswer(what, 'a number below 2^53', value);
  return Number(found);
}

function blockOf(value: Record<string, unknown>): NodeBlock {
  return { number: toNumber(own(value, 'number'), 'block number'), hash: toHash(own(value, 'hash'), 'block hash') };
}

function headerBytes(block: Record<string, unknown>): Uint8Array {
  const encoded: Uint8Array[] = [];
  for (const [name, size] of HEADER_FIELDS) {
    const value = own(block, name) ?? null;
    if (value === null && encoded.length >= BASE_FIELDS) break;
    encoded.push(size === 'int' ? encodeInt(toInteger(value, name)) : encodeString(toBytes(value, name, size ?? undefined)));
  }
  return encodeList(encoded);
}

function receiptBytes(receipt: Record<string, unknown>): Uint8Array {
  const kind = toNumber(own(receipt, 'type') ?? '0x0', 'receipt type');
  if (kind > 0x7f) throw badAnswer('receipt type', 'at most 0x7f', receipt['type']);
  const logs = own(receipt, 'logs');
  if (!Array.isArray(logs)) throw badAnswer('logs', 'a list', logs);
  const encoded = encodeList([
    encodeInt(toInteger(own(receipt, 'status'), 'status')),
    encodeInt(toInteger(own(receipt, 'cumulativeGasUsed'), 'cumulativeGasUsed')),
    encodeString(toBytes(own(receipt, 'logsBloom'), 'logsBloom', 256)),
    encodeList(
      logs.map(logOf).map(({ address, topics, data }) => encodeList([encodeString(address), encodeList(topics.map(encodeString)), encodeString(data)])),
    ),
  ]);
  return kind === 0 ? encoded : new Uint8Array([kind, ...encoded]);
}

function logOf(value: unknown): Log {
  if (!isObject(value) || !Array.isArray(value['topics'])) throw badAnswer('log', 'an object with topics', value);
  return {
    address: toBytes(value['address'], 'log address', 20),
    topics: value['topics'].map((topic) => toBytes(topic, 'topic', 32)),
    data: toBytes(value['data'], 'log data'),
  };
}

function startsAt(log: Log, place: number, topic: Uint8Array): boolean {
  const found = log.topics[place];
  return found !== undefined && equalBytes(found, topic);
}

function badAnswer(what: string, expected: string, found: unknown): ArchiveError {
  const shown = JSON.stringify(found) ?? 'nothing';
  return new ArchiveError(
    'chain.rpc_bad_answer',
    `the node's answer is malformed: ${what} is ${shown.length > 80 ? shown.slice(0, 77) + '...' : shown}, expected ${expected}`,
    'the node is broken or is not an Ethereum node; try another RPC URL',
  );
}

