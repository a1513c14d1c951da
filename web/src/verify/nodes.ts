/**
 * Asking the nodes that the user named: is the anchor's block in the chain, is the registry's code there, is there a later
 * revision, a retraction, an endorsement. Each is asked for itself, all at the same time, and all are waited for: what they
 * say is weighed by the rules, the first has no more weight than the last.
 */
import { ActsReader } from '../chain/acts.ts';
import { type ProvenAnchor, checkAnchor, parseAnchorProof } from '../chain/anchor.ts';
import { addressWord, bytesOf, isZero } from '../chain/codec.ts';
import { KNOWN_CHAINS } from '../chain/pins.ts';
import { ANCHORED, decodeAnchored, incidentKey } from '../chain/registry.ts';
import { type ChainIdentity, RpcClient, type RpcOptions, isBadAnswer } from '../chain/rpc.ts';
import { Malformed } from '../chain/steps.ts';
import { keysOf } from '../chain/succession.ts';
import { bytesToHex, equalBytes, from0x } from '../bytes.ts';
import { ArchiveError } from '../errors.ts';
import type { ProofBundle } from '../format/bundle.ts';
import { type NotBefore, leafHash } from '../format/entries.ts';
import type { BlockAnswer } from '../stamps/types.ts';
import type {
  AnchorFacts, AnchoredFact, BlockClaim, CodeAnswer, EndorsementFact, Facts, HeadFact, HeaderAnswer, HeaderOutcome, HistoryAnswer,
  RegistryFacts, RetractionFact,
} from './facts.ts';
import { readLeaves } from './leaves.ts';
import { MAX_KEYS, type Policy } from './policy.ts';
import { unique } from './python.ts';
import { registryOf, type TrustFile, type TrustedRegistry } from './trust.ts';

/** Items of a package whose endorsements are asked for, times the keys asked for: each is one question to each node. */
const MAX_ITEM_QUESTIONS = 64;
const EVM = 'eip155:';

/** A node to ask: `source` is its label, safe to show; `place` who runs it, as far as its URL tells. */
export interface NamedNode {
  readonly source: string;
  readonly place: string;
  readonly rpc: RpcClient;
  /** Asked once: a dead node is not waited for again. */
  identity(): Promise<ChainIdentity>;
}

/** Nodes by URL. URLs of one host and port are numbered, and count as one place. Throws ArchiveError `chain.rpc_url`. */
export function openNodes(urls: readonly string[], options: RpcOptions = {}): NamedNode[] {
  const taken = new Set<string>();
  return unique(urls).map((url) => {
    const rpc = new RpcClient(url, options);
    const label = rpc.shownUrl;
    let source = label;
    for (let number = 2; taken.has(source); number++) source = `${label} (key ${number})`;
    taken.add(source);
    let known: Promise<ChainIdentity> | null = null;
    return {
      source,
      place: label.replace(/\/…$/, '').split('://')[1] ?? label,
      rpc,
      identity: () => (known ??= rpc.identify()),
    };
  });
}

/** The facts with what the nodes say added to them. `quorum` is how many the user wants to agree, null for half of them. */
export async function askNodes(
  facts: Facts, policy: Policy, nodes: readonly NamedNode[], quorum: number | null, told: (question: string) => void = () => {},
): Promise<Facts> {
  const { bundle, trust } = facts;
  const header = readLeaves(bundle.entries).header;
  told('blocks');
  const anchors = await Promise.all(bundle.anchors.map((value, index) => askAnchor(index, value, nodes)));
  told('registries');
  const acts = await askActs(bundle, trust, policy, nodes);
  told('clocks');
  const blocks = await Promise.all((header?.not_before ?? []).map((block) => askBlock(block, trust, nodes)));
  const quorums = KNOWN_CHAINS.flatMap(({ chainId, quorum: own }) => (own === null ? [] : [[`${EVM}${chainId}`, own] as const]));
  return {
    ...facts,
    offline: false,
    quorum,
    anchors: anchors.filter((asked) => asked !== null),
    acts,
    clocks: { ...facts.clocks, blocks: blocks.flat(), chainQuorums: Object.fromEntries(quorums) },
  };
}

/** What an anchor proves, and its receipt; null for one that proves nothing: the rules report what is wrong with it. */
function provenOf(value: unknown): { anchor: ProvenAnchor; receipt: Uint8Array } | null {
  try {
    const proof = parseAnchorProof(value);
    const { proven } = checkAnchor(proof);
    return proven === null ? null : { anchor: proven, receipt: from0x(proof.receipt.raw)! };
  } catch (error) {
    if (error instanceof ArchiveError) return null;
    throw error;
  }
}

async function askAnchor(index: number, value: unknown, nodes: readonly NamedNode[]): Promise<AnchorFacts | null> {
  const proven = provenOf(value);
  if (proven === null) return null;
  const { anchor, receipt } = proven;
  const answers = await Promise.all(nodes.map((node) => askOne(node, anchor, receipt)));
  const known = KNOWN_CHAINS.find((chain) => chain.chainId === anchor.chainId);
  return {
    index,
    headers: answers.map((answer) => answer.header),
    codes: answers.flatMap((answer) => (answer.code === null ? [] : [answer.code])),
    history: answers.flatMap((answer) => (answer.history === null ? [] : [answer.history])),
    publicChain: known === undefined ? null : known.genesis === anchor.genesis,
    chainName: known?.name ?? null,
    rule: known?.confirmations ?? null,
    quorum: known?.quorum ?? null,
  };
}

interface Answers {
  readonly header: HeaderAnswer;
  readonly code: CodeAnswer | null;
  readonly history: HistoryAnswer | null;
}

async function askOne(node: NamedNode, proven: ProvenAnchor, receipt: Uint8Array): Promise<Answers> {
  const header = await headerAnswer(node, proven, async () => {
    const told = await node.rpc.receipt(proven.txHash);
    // Nodes drop their index after days: the bundle proves the receipt under the header that the node just confirmed.
    return told === null || (told.blockHash === proven.blockHash && equalBytes(told.raw, receipt));
  });
  if (['wrong_chain', 'unreachable', 'other_history'].includes(header.outcome)) return { header, code: null, history: null };
  return { header, code: await codeAnswer(node, proven.registry), history: await historyAnswer(node, proven) };
}

/** What a node says of a block; `sameLog` is asked only where it has the very block. */
export async function headerAnswer(
  node: NamedNode, claim: BlockClaim, sameLog: () => Promise<boolean> = async () => true,
): Promise<HeaderAnswer> {
  const answer = (outcome: HeaderOutcome, found: string | null = null, more: Partial<HeaderAnswer> = {}): HeaderAnswer => {
    const { source, place } = node;
    return { source, kind: 'rpc', outcome, found, place, number: null, head: null, finalized: null, ...more };
  };
  try {
    const identity = await node.identity();
    if (identity.chainId !== claim.chainId) return answer('wrong_chain', `chain ${identity.chainId}`);
    if (identity.genesis !== claim.genesis) return answer('other_history', identity.genesis);
    const block = await node.rpc.block(claim.blockNumber);
    if (block === null) {
      const head = await orNull(node.rpc.head());
      return head !== null && head < claim.blockNumber ? answer('behind', `block ${head}`) : answer('absent');
    }
    if (block.hash !== claim.blockHash) return answer('other', block.hash);
    if (!(await sameLog())) return answer('other_log', block.hash);
    const head = await orNull(node.rpc.head());
    const finalized = (await orNull(node.rpc.block('finalized')))?.number ?? null;
    return answer('same', block.hash, { number: claim.blockNumber, head, finalized });
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    return answer(isBadAnswer(error) ? 'bad_answer' : 'unreachable', error.code);
  }
}

async function orNull<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ArchiveError) return null;
    throw error;
  }
}

async function codeAnswer({ source, place, rpc }: NamedNode, address: string): Promise<CodeAnswer> {
  try {
    return { source, codeHash: await rpc.codeHash(address), message: null, place };
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    return { source, codeHash: null, message: error.message, place };
  }
}

async function historyAnswer({ source, place, rpc }: NamedNode, proven: ProvenAnchor): Promise<HistoryAnswer> {
  const silent = (message: string): HistoryAnswer => ({ source, current: null, head: null, message, place });
  if (proven.place !== null) return silent("a batch stands beside the registry's histories");
  try {
    const head = await rpc.registryHead(proven.registry, proven.publisher, proven.incidentKey);
    if (head === null) return silent('the registry has no entry of this publisher and incident');
    const prefix = bytesToHex(head.rootPrefix);
    return { source, current: proven.root.startsWith(prefix), head: prefix, message: null, place };
  } catch (error) {
    if (error instanceof ArchiveError) return silent(error.message);
    throw error;
  }
}

// What registries hold beside the anchor

interface Questions {
  readonly root: string;
  readonly previous: string | null;
  readonly incident: string;
  readonly publishers: readonly string[];
  readonly endorsers: readonly string[];
  readonly items: readonly { readonly id: string; readonly leaf: string }[];
}

/** What each node says of each trusted registry of its chain. */
async function askActs(
  bundle: ProofBundle, trust: TrustFile, policy: Policy, nodes: readonly NamedNode[],
): Promise<readonly RegistryFacts[]> {
  const leaves = readLeaves(bundle.entries);
  const { header } = leaves;
  if (!leaves.formatKnown || header === null) return [];
  const endorsers = unique([...policy.endorsers, ...trust.publishers].map((key) => key.address)).slice(0, MAX_KEYS);
  const items = leaves.evidence.map((leaf) => ({ id: leaf.id, leaf: bytesToHex(leafHash(leaf)) }));
  const asked: Questions = {
    root: bundle.root,
    previous: header.previous_root,
    incident: incidentKey(header.incident),
    publishers: unique(ownersOf(bundle, header.publisher, trust).flatMap((owner) => keysOf(trust.successions, owner))),
    endorsers,
    items: items.length * endorsers.length > MAX_ITEM_QUESTIONS ? [] : items,
  };
  const registries = trust.registries.filter((place) => !place.workspaceChain);
  const pairs = registries.flatMap((registry) => nodes.map((node) => askRegistry(node, registry, asked)));
  return (await Promise.all(pairs)).filter((facts) => facts !== null);
}

/** The publisher that the package names, else whoever anchored it in trusted registries. */
function ownersOf(bundle: ProofBundle, named: string | null, trust: TrustFile): string[] {
  if (named !== null) return [named];
  return bundle.anchors.slice(0, MAX_KEYS).flatMap((value) => {
    const anchor = provenOf(value)?.anchor;
    const trusted = anchor && registryOf(trust, anchor.chainId, anchor.genesis, anchor.registry);
    return trusted ? [anchor.publisher] : [];
  });
}

async function askRegistry(node: NamedNode, registry: TrustedRegistry, asked: Questions): Promise<RegistryFacts | null> {
  const { source, place } = node;
  const nothing = { registry, source, place, message: null, retractions: [], endorsements: [], heads: [], anchors: null };
  try {
    const identity = await node.identity();
    if (identity.chainId !== registry.chainId || identity.genesis !== registry.genesis) return null;
    const reader = new ActsReader(node.rpc, registry.address);
    return {
      ...nothing,
      retractions: await retractions(reader, asked),
      endorsements: await endorsements(reader, asked),
      heads: await heads(reader, asked),
      anchors: await pastAnchors(node.rpc, registry.address, asked),
    };
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    return { ...nothing, message: error.message };
  }
}

async function retractions(reader: ActsReader, { publishers, root }: Questions): Promise<RetractionFact[]> {
  const found: RetractionFact[] = [];
  for (const account of publishers) {
    const one = await reader.retraction(account, root);
    if (one !== null) found.push({ account, time: one.time, reason: await reader.reason(account, root, one) });
  }
  return found;
}

async function endorsements(reader: ActsReader, asked: Questions): Promise<EndorsementFact[]> {
  const roots: [string | null, string][] = [[null, asked.root], ...asked.items.map(({ id, leaf }): [string, string] => [id, leaf])];
  if (asked.previous !== null) roots.push([null, asked.previous]);
  const found: EndorsementFact[] = [];
  for (const account of asked.endorsers) {
    for (const [item, root] of roots) {
      const one = await reader.endorsement(account, root);
      // Withdrawn before it was made: never an endorsement.
      if (one === null || one.time === 0) continue;
      found.push({ account, root, item, time: one.time, withdrawnTime: one.withdrawn ? one.withdrawnTime : null });
    }
  }
  return found;
}

async function heads(reader: ActsReader, { publishers, incident }: Questions): Promise<HeadFact[]> {
  const found: HeadFact[] = [];
  for (const account of publishers) {
    const head = await reader.head(account, incident);
    if (head !== null) found.push({ account, ...head });
  }
  return found;
}

/** Past anchors of the incident; null where the node gives no past events, or few: heads are looked at instead. */
async function pastAnchors(rpc: RpcClient, address: string, { publishers, incident }: Questions): Promise<AnchoredFact[] | null> {
  const found: AnchoredFact[] = [];
  try {
    for (const account of publishers) {
      for (const log of await rpc.logs(address, [ANCHORED, addressWord(account), bytesOf(incident)])) {
        const { root, previous, ordinal } = decodeAnchored(log.topics, log.data);
        const before = isZero(previous) ? null : bytesToHex(previous);
        found.push({ account, root: bytesToHex(root), previous: before, ordinal: Number(ordinal) });
      }
    }
  } catch (error) {
    if (error instanceof ArchiveError || error instanceof Malformed) return null;
    throw error;
  }
  return found;
}

// Blocks that the package names

async function askBlock(block: NotBefore, trust: TrustFile, nodes: readonly NamedNode[]): Promise<BlockAnswer[]> {
  const text = block.chain.slice(EVM.length);
  if (!block.chain.startsWith(EVM) || !/^[0-9]+$/.test(text)) return [];
  const chainId = Number(text);
  // The package names no first block, so only the trust file tells which history of a chain's number is meant.
  const histories = new Set(trust.registries.filter((r) => r.chainId === chainId).map((r) => r.genesis));
  const answers = await Promise.all(nodes.map((node) => askBlockOf(node, block, chainId, histories)));
  return answers.filter((answer) => answer !== null);
}

async function askBlockOf(
  node: NamedNode, block: NotBefore, chainId: number, histories: ReadonlySet<string>,
): Promise<BlockAnswer | null> {
  const { source, place, rpc } = node;
  const answer = (outcome: BlockAnswer['outcome'], found?: string): BlockAnswer => ({
    chain: block.chain, height: block.height, source, outcome, place, ...(found === undefined ? {} : { found }),
  });
  try {
    const identity = await node.identity();
    if (identity.chainId !== chainId) return null;
    if (histories.size > 0 && !histories.has(identity.genesis)) return answer('other_history', identity.genesis);
    const told = await rpc.block(block.height);
    if (told === null) return answer('absent');
    if (told.hash === block.hash) return answer('same', told.hash);
    return answer(histories.size === 1 ? 'other' : 'unknown_history', told.hash);
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    return answer(isBadAnswer(error) ? 'bad_answer' : 'unreachable', error.code);
  }
}
