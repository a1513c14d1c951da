import { decodeRlp, items, listOf, rlpInt, stringOf, type RlpItem } from './rlp.ts';
import { Malformed } from './steps.ts';

export const MAX_RECEIPT_BYTES = 2 * 1024 * 1024;

export interface Log {
  readonly address: Uint8Array;
  readonly topics: readonly Uint8Array[];
  readonly data: Uint8Array;
}

/** A receipt since EIP-658: how many logs it has, and the one that was asked for; null where there are fewer. */
export interface Receipt {
  readonly status: bigint;
  readonly logCount: number;
  readonly log: Log | null;
}

/** Reads a receipt, legacy or typed (EIP-2718), every log of it; throws Malformed. */
export function decodeReceipt(raw: Uint8Array, wanted: number): Receipt {
  let body = raw;
  if (raw.length > 0 && raw[0]! < 0x80) {
    if (raw[0] === 0) throw new Malformed('type 0 has no type byte');
    body = raw.subarray(1);
  }
  const fields = listOf(decodeRlp(body, MAX_RECEIPT_BYTES), 4);
  if (fields === null || fields.length !== 4) throw new Malformed('not a list of 4 fields');
  const [status, gas, bloom, logs] = fields as [RlpItem, RlpItem, RlpItem, RlpItem];
  if (stringOf(bloom, 256) === null || !logs.isList) throw new Malformed('bloom or logs of the wrong kind');
  rlpInt(gas);
  const code = rlpInt(status);
  let logCount = 0;
  let found: Log | null = null;
  for (const item of items(logs)) {
    const log = decodeLog(item);
    if (logCount === wanted) found = log;
    logCount += 1;
  }
  return { status: code, logCount, log: found };
}

function decodeLog(item: RlpItem): Log {
  const fields = listOf(item, 3);
  if (fields === null || fields.length !== 3) throw new Malformed('a log is not a list of 3 fields');
  const address = stringOf(fields[0], 20);
  const data = stringOf(fields[2]);
  if (address === null || data === null) throw new Malformed("a log's address or data is of the wrong kind");
  const words = listOf(fields[1]!, 4);
  if (words === null) throw new Malformed("a log's topics are not a list of at most 4");
  const topics = words.map((word) => stringOf(word, 32));
  if (topics.some((topic) => topic === null)) throw new Malformed('a topic is not 32 bytes');
  return { address, topics: topics as Uint8Array[], data };
}
