import { keccak } from '../../src/chain/codec.ts';
import { encodeList, encodeString } from '../../src/chain/rlp.ts';

// A trie built from all its entries, to test the reading of proofs against; Yellow Paper, appendix D.

type Entry = readonly [path: string, value: Uint8Array];

/** `paths` are hex digits, none a prefix of another. */
export class TestTrie {
  readonly root: Uint8Array;
  private readonly entries: readonly Entry[];
  private readonly made = new Map<string, Uint8Array>();

  constructor(entries: readonly Entry[]) {
    this.entries = entries;
    this.root = keccak(this.node(entries, 0));
  }

  /** The nodes of at least 32 bytes on the way to a path, whether it is there or not; root first. */
  proof(path: string): Uint8Array[] {
    const found: Uint8Array[] = [];
    let entries = this.entries;
    for (let depth = 0; ; ) {
      const node = this.node(entries, depth);
      if (node.length >= 32 || found.length === 0) found.push(node);
      const shared = commonPrefix(entries, depth);
      if (entries.length <= 1 || (shared > 0 && !path.startsWith(entries[0]![0].slice(depth, depth + shared), depth))) return found;
      if (shared > 0) {
        depth += shared;
        const branch = this.node(entries, depth);
        if (branch.length >= 32) found.push(branch);
      }
      const next = entries.filter(([other]) => other[depth] === path[depth]);
      if (next.length === 0) return found;
      entries = next;
      depth += 1;
    }
  }

  private node(entries: readonly Entry[], depth: number): Uint8Array {
    const [first] = entries;
    if (first === undefined) return new Uint8Array([0x80]);
    const name = first[0].slice(0, depth);
    const node = this.made.get(name) ?? this.makeNode(entries, depth, first);
    this.made.set(name, node);
    return node;
  }

  private makeNode(entries: readonly Entry[], depth: number, first: Entry): Uint8Array {
    if (entries.length === 1) return encodeList([encodeString(hexPrefix(first[0].slice(depth), true)), encodeString(first[1])]);
    const shared = commonPrefix(entries, depth);
    if (shared > 0) {
      const part = first[0].slice(depth, depth + shared);
      return encodeList([encodeString(hexPrefix(part, false)), this.reference(this.node(entries, depth + shared))]);
    }
    const items = [...'0123456789abcdef'].map((digit) => {
      const below = entries.filter(([path]) => path[depth] === digit);
      return below.length === 0 ? encodeString(new Uint8Array()) : this.reference(this.node(below, depth + 1));
    });
    return encodeList([...items, encodeString(new Uint8Array())]);
  }

  private reference(node: Uint8Array): Uint8Array {
    return node.length < 32 ? node : encodeString(keccak(node));
  }
}

function commonPrefix(entries: readonly Entry[], depth: number): number {
  if (entries.length < 2) return 0;
  let shared = 0;
  while (entries.every(([path]) => path[depth + shared] === entries[0]![0][depth + shared])) shared += 1;
  return shared;
}

function hexPrefix(digits: string, isLeaf: boolean): Uint8Array {
  const flag = isLeaf ? 2 : 0;
  const text = digits.length % 2 === 0 ? `${flag}0${digits}` : `${flag + 1}${digits}`;
  return new Uint8Array(text.match(/../g)!.map((pair) => parseInt(pair, 16)));
}
