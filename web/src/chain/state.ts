import { equalBytes, to0x } from '../bytes.ts';
import { bytesOf, hasExactly, keccak, RAW } from './codec.ts';
import { decodeRlp, listOf, rlpInt, stringOf } from './rlp.ts';
import { Malformed } from './steps.ts';
import { keyedValue, MAX_STATE_NODE_BYTES } from './trie.ts';

// What a registry's storage holds, and holds not, at a block (EIP-1186; Yellow Paper, section 4.1).

// Keys are 64 nibbles long, and each node uses up at least one, a leaf maybe none.
const MAX_NODES = 65;
const EMPTY_CODE = keccak(new Uint8Array());

/** The nodes from the header's state root to the account, and from its storage root to a slot; root node first. */
export interface StateProof {
  readonly account: readonly string[];
  readonly storage: readonly string[];
}

/** A contract: hash of its runtime code (`0x` + hex), root of its storage. */
export interface Account {
  readonly codeHash: string;
  readonly storageRoot: Uint8Array;
}

export function isStateProof(value: unknown): value is StateProof {
  return hasExactly(value, ['account', 'storage']) && isNodes(value['account']) && isNodes(value['storage']);
}

function isNodes(value: unknown): value is string[] {
  return (
    Array.isArray(value) &&
    value.length <= MAX_NODES &&
    value.every((node) => typeof node === 'string' && node.length <= 2 + 2 * MAX_STATE_NODE_BYTES && RAW.test(node))
  );
}

/** The account at `address`; throws Malformed when the nodes do not prove one that holds a contract. */
export function readAccount(stateRoot: Uint8Array, address: string, nodes: readonly string[]): Account {
  const raw = keyedValue(stateRoot, keccak(bytesOf(address)), nodes.map(bytesOf));
  if (raw === null) throw new Malformed('there is no account at the address');
  const fields = listOf(decodeRlp(raw, MAX_STATE_NODE_BYTES), 4);
  if (fields === null || fields.length !== 4) throw new Malformed('the account is not a list of 4 fields');
  rlpInt(fields[0]!);
  rlpInt(fields[1]!);
  const storageRoot = stringOf(fields[2], 32);
  const codeHash = stringOf(fields[3], 32);
  if (storageRoot === null || codeHash === null) throw new Malformed('storage root or code hash is not 32 bytes');
  if (equalBytes(codeHash, EMPTY_CODE)) throw new Malformed('the account holds no contract');
  return { codeHash: to0x(codeHash), storageRoot };
}

/** The value of a slot, 0 when it is proven absent; throws Malformed when the nodes prove neither. */
export function readSlot(storageRoot: Uint8Array, slot: Uint8Array, nodes: readonly string[]): bigint {
  const raw = keyedValue(storageRoot, keccak(slot), nodes.map(bytesOf));
  if (raw === null) return 0n;
  const value = rlpInt(decodeRlp(raw, MAX_STATE_NODE_BYTES));
  if (value === 0n) throw new Malformed('a slot that holds zero is not in the trie');
  return value;
}
