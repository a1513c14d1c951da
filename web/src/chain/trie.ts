import { equalBytes } from '../bytes.ts';
import { bytesToHex, keccak } from './codec.ts';
import { decodeRlp, encodeInt, listOf, MAX_RLP_BYTES, stringOf, type RlpItem } from './rlp.ts';
import { Malformed } from './steps.ts';

// Merkle-Patricia tries of the Yellow Paper, appendices C and D. A proof is the list of nodes from the root down; every one
// must be needed and none may be missing, so that no proof has two forms.

/** A branch of 16 hashes is 532 bytes; an account's leaf about 150. */
export const MAX_STATE_NODE_BYTES = 1024;
const EMPTY_TRIE = keccak(new Uint8Array([0x80]));
const BRANCH = 17;

/**
 * The value at key `rlp(index)` of a transaction or receipt trie, proven by exactly these nodes. Throws Malformed when a
 * node is missing, malformed or not needed, and when the key is absent.
 */
export function indexedValue(root: Uint8Array, index: number, nodes: readonly Uint8Array[]): Uint8Array {
  let path = bytesToHex(encodeInt(index));
  let expected: Uint8Array | null = root;
  for (const [position, node] of nodes.entries()) {
    if (expected === null || !equalBytes(keccak(node), expected)) throw new Malformed('a node on the path is missing or altered');
    const parts = nodeParts(decodeRlp(node, MAX_RLP_BYTES));
    let value: RlpItem | null = null;
    let next: RlpItem;
    if (parts.length === BRANCH) {
      if (path !== '') {
        next = parts[parseInt(path[0]!, 16)]!;
        path = path.slice(1);
      } else {
        value = next = parts[16]!;
      }
    } else {
      const { isLeaf, part } = hexPrefix(parts[0]!);
      if (isLeaf ? path !== part : !path.startsWith(part)) throw new Malformed('the key is absent');
      next = parts[1]!;
      path = path.slice(part.length);
      if (isLeaf) value = next;
    }
    if (value !== null) {
      const bytes = stringOf(value);
      if (bytes === null || bytes.length === 0) throw new Malformed('the key is absent');
      if (position + 1 !== nodes.length) throw new Malformed('there are more nodes than the path needs');
      return bytes;
    }
    // Nodes shorter than 32 bytes stand inside their parent; values of these tries are too long for that.
    expected = stringOf(next, 32);
    if (expected === null) throw new Malformed('the key is absent');
  }
  throw new Malformed('the path ends before the value');
}

/**
 * The value at `key` (32 bytes) of a state or storage trie, or null where it is proven absent. Throws Malformed when the
 * nodes prove neither.
 */
export function keyedValue(root: Uint8Array, key: Uint8Array, nodes: readonly Uint8Array[]): Uint8Array | null {
  if (equalBytes(root, EMPTY_TRIE)) {
    if (nodes.length > 0) throw new Malformed('an empty trie has no nodes to show');
    return null;
  }
  let path = bytesToHex(key);
  let used = 0;
  const take = (reference: Uint8Array): RlpItem => {
    if (reference.length !== 32) throw new Malformed("a node's reference is not a hash");
    const node = nodes[used];
    if (node === undefined) throw new Malformed('the path ends before the key is found or shown absent');
    used += 1;
    if (!equalBytes(keccak(node), reference)) throw new Malformed('a node on the path is missing or altered');
    return decodeRlp(node, MAX_STATE_NODE_BYTES);
  };
  const end = (value: RlpItem | null): Uint8Array | null => {
    if (used !== nodes.length) throw new Malformed('there are more nodes than the path needs');
    if (value === null) return null;
    const bytes = stringOf(value);
    if (bytes === null || bytes.length === 0) throw new Malformed('a leaf without a value');
    return bytes;
  };
  let node = take(root);
  for (;;) {
    const parts = nodeParts(node);
    let next: RlpItem;
    if (parts.length === BRANCH) {
      if (path === '') throw new Malformed('a branch where the path ends');
      next = parts[parseInt(path[0]!, 16)]!;
      path = path.slice(1);
      if (stringOf(next, 0) !== null) return end(null);
    } else {
      const { isLeaf, part } = hexPrefix(parts[0]!);
      if (isLeaf) return end(part === path ? parts[1]! : null);
      if (part === '') throw new Malformed('an extension without a path');
      if (!path.startsWith(part)) return end(null);
      next = parts[1]!;
      path = path.slice(part.length);
    }
    // Nodes shorter than 32 bytes stand inside their parent.
    node = next.isList ? next : take(next.payload);
  }
}

function nodeParts(node: RlpItem): RlpItem[] {
  const parts = listOf(node, BRANCH);
  if (parts === null || (parts.length !== BRANCH && parts.length !== 2)) {
    throw new Malformed('a node is neither branch, extension nor leaf');
  }
  return parts;
}

/** Whether a node of two items is a leaf, and its part of the path as hex digits (appendix C). */
function hexPrefix(item: RlpItem): { isLeaf: boolean; part: string } {
  const bytes = stringOf(item);
  const digits = bytes === null ? '' : bytesToHex(bytes);
  if (digits.startsWith('00') || digits.startsWith('20')) return { isLeaf: digits[0] === '2', part: digits.slice(2) };
  if (digits.startsWith('1') || digits.startsWith('3')) return { isLeaf: digits[0] === '3', part: digits.slice(1) };
  throw new Malformed("a node's path is not in hex-prefix encoding");
}
