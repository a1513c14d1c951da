import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromHex } from '../../src/bytes.ts';
import { decodeRlp, encodeInt, encodeList, encodeString, items, rlpInt } from '../../src/chain/rlp.ts';
import { ROOT } from '../vectors.ts';

const FIELDS: [string, boolean][] = [
  ['parentHash', false], ['sha3Uncles', false], ['miner', false], ['stateRoot', false], ['transactionsRoot', false], ['receiptsRoot', false],
  ['logsBloom', false], ['difficulty', true], ['number', true], ['gasLimit', true], ['gasUsed', true], ['timestamp', true],
  ['extraData', false], ['mixHash', false], ['nonce', false], ['baseFeePerGas', true], ['withdrawalsRoot', false], ['blobGasUsed', true],
  ['excessBlobGas', true], ['parentBeaconBlockRoot', false], ['requestsHash', false],
];

export function hex(text: string): Uint8Array {
  return fromHex(text.replace(/^0x/, '').toLowerCase())!;
}

function headerOf(item: string | Record<string, string>): Uint8Array {
  if (typeof item === 'string') return hex(item);
  if (item['rlp'] !== undefined) return hex(item['rlp']);
  const encoded: Uint8Array[] = [];
  for (const [name, isInt] of FIELDS) {
    const value = item[name];
    if (value === undefined || value === null) break;
    encoded.push(isInt ? encodeInt(BigInt(value)) : encodeString(hex(value)));
  }
  return encodeList(encoded);
}

export interface RealHeaders {
  /** The file as it is. */
  readonly value: Record<string, any>;
  readonly byNumber: Map<number, Uint8Array>;
}

/** Real headers of a file beside the project; the reason why not, where they are not here. */
export function realHeaders(name: string): RealHeaders | string {
  const path = join(ROOT, '..', 'shared', 'vectors', 'bsc', name);
  if (!existsSync(path)) return `${path} is not here`;
  const value = JSON.parse(readFileSync(path, 'utf8'));
  const raws: Uint8Array[] = (value.headersRlp ?? value.headers ?? value.blocks).map(headerOf);
  return { value, byNumber: new Map(raws.map((raw) => [Number(rlpInt([...items(decodeRlp(raw))][8]!)), raw])) };
}
