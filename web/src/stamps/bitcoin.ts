import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, equalBytes } from '../bytes.ts';
import { ArchiveError } from '../errors.ts';
import { thousands } from '../verify/python.ts';
import type { BitcoinAnswer, BitcoinNetwork, Status } from './types.ts';

// Bitcoin block headers: what they say, whether work was done on them, and files that hold them. Work alone does not say
// that a header is in the chain, so one is believed only from the verifier's own sources.

export const HEADER_BYTES = 80;
export const MAX_HEIGHT = 2 ** 31 - 1;
const MAX_FILE_BYTES = 512 * 1024 * 1024;
const MAX_TEXT_BYTES = 4 * 1024 * 1024;
/** A block's time may run ahead of the clocks of the nodes by two hours, and in practice lags by no more. */
export const CLOCK_MARGIN = 2 * 60 * 60;
/** CAIP-2: the first 32 hex digits of the genesis block's hash. */
export const CHAIN = 'bip122:000000000019d6689c085ae165831e93';
const GENESIS = '000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f';
const LINE = /^(?:(0|[1-9]\d{0,9})[ \t:,]+)?([0-9a-fA-F]{160})$/;

export const MAINNET: BitcoinNetwork = { name: 'main', limit: 0xffffn << 208n, provesTime: true };
/** The test chain of Bitcoin's own developers: anybody makes a block at once. */
export const REGTEST: BitcoinNetwork = { name: 'regtest', limit: 0x7fffffn << 232n, provesTime: false };

/** `merkleRoot` and `hash` are bytes in the order of the header, not as shown. */
export interface Header {
  readonly merkleRoot: Uint8Array;
  readonly time: number;
  readonly bits: number;
  readonly hash: Uint8Array;
}

/** A hash as everybody writes it: reversed, in hex. */
export function shown(digest: Uint8Array): string {
  return bytesToHex(digest.slice().reverse());
}

/** Throws `bitcoin.header` for anything but 80 bytes. */
export function parseHeader(raw: Uint8Array): Header {
  if (raw.length !== HEADER_BYTES) {
    throw new ArchiveError('bitcoin.header', `a Bitcoin header has ${HEADER_BYTES} bytes, this one ${thousands(raw.length)}`);
  }
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  return { merkleRoot: raw.slice(36, 68), time: view.getUint32(68, true), bits: view.getUint32(72, true), hash: sha256(sha256(raw)) };
}

/** Throws `bitcoin.target` for a target that the chain does not allow, `bitcoin.proof_of_work` for one not met. */
export function checkWork(header: Header, network: BitcoinNetwork = MAINNET): void {
  const exponent = header.bits >>> 24;
  const mantissa = BigInt(header.bits & 0x7fffff);
  const target = exponent >= 3 ? mantissa << BigInt(8 * (exponent - 3)) : mantissa >> BigInt(8 * (3 - exponent));
  if ((header.bits & 0x800000) !== 0 || target === 0n || target > network.limit) {
    const bits = '0x' + header.bits.toString(16).padStart(8, '0');
    throw new ArchiveError('bitcoin.target', `block ${shown(header.hash)}: its target ${bits} is not one of Bitcoin's chain '${network.name}'`);
  }
  if (BigInt('0x' + shown(header.hash)) > target) {
    throw new ArchiveError('bitcoin.proof_of_work', `block ${shown(header.hash)}: no work was done on this header (its hash is above its target)`);
  }
}

/** A file of headers of one's own. */
export interface HeaderFile {
  readonly name: string;
  /** The headers at this height; of those without a height, the ones with this merkle root. */
  find(height: number, merkleRoot: Uint8Array | null): Uint8Array[];
}

/**
 * Reads a file of headers: lines of `HEIGHT HEADER` or the header alone (160 hex digits), or 80 bytes each from block 0 on,
 * the form of Electrum's `blockchain_headers`. Throws `bitcoin.header_file`.
 */
export function readHeaderFile(name: string, data: Uint8Array): HeaderFile {
  const bad = (what: string): never => {
    throw new ArchiveError(
      'bitcoin.header_file',
      `${name}: ${what}`,
      "lines of HEIGHT and HEADER (bitcoin-cli getblockheader HASH false), or Electrum's blockchain_headers",
    );
  };
  if (data.length >= HEADER_BYTES && data.length % HEADER_BYTES === 0 && shown(parseHeader(data.slice(0, HEADER_BYTES)).hash) === GENESIS) {
    if (data.length > MAX_FILE_BYTES) bad(`is larger than ${thousands(MAX_FILE_BYTES)} bytes`);
    return {
      name,
      find(height) {
        const raw = data.slice(height * HEADER_BYTES, (height + 1) * HEADER_BYTES);
        // Electrum fills what it has not loaded with zeros.
        return raw.length === HEADER_BYTES && raw.some((byte) => byte !== 0) ? [raw] : [];
      },
    };
  }
  if (data.length > MAX_TEXT_BYTES) bad(`is larger than ${thousands(MAX_TEXT_BYTES)} bytes, and does not begin with Bitcoin's first header`);
  const lines: { height: number | null; raw: Uint8Array }[] = [];
  for (const [index, line] of new TextDecoder('latin1').decode(data).split(/\r\n|[\n\r\v\f\x1c-\x1e]/).entries()) {
    const text = line.trim();
    if (text === '' || text.startsWith('#')) continue;
    const match = LINE.exec(text) ?? bad(`line ${index + 1} is not a height and 160 hex digits`);
    const raw = Uint8Array.from(match[2]!.match(/../g)!, (pair) => parseInt(pair, 16));
    lines.push({ height: match[1] === undefined ? null : Number(match[1]), raw });
  }
  return {
    name,
    find: (height, merkleRoot) =>
      lines
        .filter((l) => l.height === height || (l.height === null && merkleRoot !== null && equalBytes(l.raw.subarray(36, 68), merkleRoot)))
        .map((l) => l.raw),
  };
}

/** What is held of a Bitcoin block. `header` only where it passed; `who` said so. */
export interface Verdict {
  readonly status: Status;
  readonly note: string;
  readonly found: string | null;
  readonly header: Header | null;
  readonly who: string;
}

function verdict(status: Status, note: string, found: string | null = null, header: Header | null = null, who = ''): Verdict {
  return { status, note, found, header, who };
}

interface Good {
  readonly answer: BitcoinAnswer;
  readonly header: Header;
}

const sources = (group: readonly Good[]): string => [...new Set(group.map((g) => g.answer.source))].join(', ');

/**
 * Whether the block at this height, as the verifier has it, has this merkle root, or this hash. One's own file or node
 * decides alone; of others, `quorum` have to agree. Work is checked on every header.
 */
export function judgeBlock(
  height: number,
  wanted: { readonly merkleRoot: Uint8Array } | { readonly hash: Uint8Array },
  answers: readonly BitcoinAnswer[],
  network: BitcoinNetwork,
  quorum: number,
): Verdict {
  const good: Good[] = [];
  const said: string[] = [];
  let broken: string | null = null;
  for (const answer of answers) {
    if (answer.height !== height) continue;
    if (answer.header === null) {
      said.push(`${answer.source}: ${answer.problem ?? 'None'}`);
      continue;
    }
    try {
      const header = parseHeader(answer.header);
      checkWork(header, network);
      good.push({ answer, header });
    } catch (error) {
      if (!(error instanceof ArchiveError)) throw error;
      said.push(`${answer.source}: ${error.message}`);
      if (answer.kind === 'trust' || answer.kind === 'file') broken = `${answer.source}: ${error.message} [${error.code}]`;
    }
  }
  const value = (header: Header): Uint8Array => ('hash' in wanted ? header.hash : header.merkleRoot);
  const target = 'hash' in wanted ? wanted.hash : wanted.merkleRoot;
  const fits = ({ header }: Good): boolean => equalBytes(value(header), target);
  const found = (header: Header): string => shown(value(header));
  const names = sources(good.filter(fits));
  const others = sources(good.filter((g) => !fits(g)));
  const besides = others === '' ? '' : `; ${others} has another`;
  const own = good.filter((g) => g.answer.kind !== 'source');
  const fitting = own.find(fits);
  if (fitting !== undefined) {
    if (!own.every(fits)) return verdict('unchecked', `the sources disagree: ${names} has this block, ${others} another`);
    const note = `the block is as ${names} has it, and work was done on it${besides}`;
    return verdict('pass', note, found(fitting.header), fitting.header, names);
  }
  if (own[0] !== undefined) return verdict('fail', `${others}: another block stands at height ${height}`, found(own[0].header));
  if (broken !== null) return verdict('fail', broken);
  const groups = new Map<string, Good[]>();
  for (const one of good) groups.set(bytesToHex(one.header.hash), [...(groups.get(bytesToHex(one.header.hash)) ?? []), one]);
  const count = (group: readonly Good[]): number => new Set(group.map((g) => g.answer.source)).size;
  const agreed = [...groups.values()].filter((group) => count(group) >= quorum);
  if (agreed.length === 1) {
    const [group] = agreed as [Good[]];
    const { header } = group[0]!;
    if (!fits(group[0]!)) return verdict('fail', `${count(group)} sources have another block at height ${height} (${others})`, found(header));
    const note = `${count(group)} sources agree on the block (${names}), and work was done on it${besides}`;
    return verdict('pass', note, found(header), header, names);
  }
  if (good.length > 0) {
    const told = said.join('; ') || names || others;
    const many = groups.size === 1 ? `${good.length} source has the block` : `the sources disagree (${groups.size} different blocks)`;
    return verdict('unchecked', `${many}; ${quorum} have to agree: ${told}`);
  }
  if (said.length > 0) return verdict('unchecked', said.join('; '));
  const missing =
    `no header of Bitcoin block ${height} is known here: name a file of headers with --bitcoin-headers, or set ` +
    '[bitcoin] in config.toml';
  return verdict('unchecked', missing);
}
