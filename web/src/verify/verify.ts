/**
 * The browser verifier as one call: what `archive verify BUNDLE FILES… --offline --json` says of the same input. Where the
 * user named nodes or gateways they are asked, as `--rpc` does; else not one request is made.
 */
import { readAbsence } from '../chain/absence.ts';
import { ArchiveError, isUnknown } from '../errors.ts';
import type { ProofBundle } from '../format/bundle.ts';
import { MAX_BUNDLE_BYTES } from '../format/limits.ts';
import { type ByteSource, blobSource } from '../format/source.ts';
import { type AbsenceReport, verifyAbsence } from './absence.ts';
import { judge, unknownFormat } from './checks.ts';
import type { Facts } from './facts.ts';
import { type GatewayOptions, askGateways } from './gateways.ts';
import { gather, readBundle, withTrust } from './gather.ts';
import { type Given, type GivenFile, type Progress, readAll } from './given.ts';
import { type NamedNode, askNodes, openNodes } from './nodes.ts';
import { DEFAULT_POLICY, type Policy, parsePolicy } from './policy.ts';
import { placesOf } from './quorum.ts';
import { type Report, toReport } from './report.ts';
import { NOTHING, type TrustFile, parseTrust } from './trust.ts';

export type { AbsenceReport } from './absence.ts';
export type { Given, GivenFile } from './given.ts';
export { fromBrowser } from './given.ts';
export type { ReportCheck } from './outcome.ts';
export type { Report } from './report.ts';
export type { Rung } from './ladder.ts';

/** A file by name. */
export interface Named {
  readonly name: string;
  readonly source: ByteSource;
}

/** Whom the user wants asked: URLs of nodes and of IPFS gateways, and how many nodes must agree. */
export interface Wishes {
  readonly rpc: readonly string[];
  readonly quorum: number | null;
  readonly gateways: readonly string[];
  /** In place of the global one, for tests. */
  readonly fetch?: typeof fetch | undefined;
}

export interface Request extends Progress {
  readonly bundle: Named;
  readonly given: Given;
  readonly trust?: Named | null | undefined;
  readonly policy?: Named | null | undefined;
  readonly wishes?: Wishes | null | undefined;
  /** Facts of the same bundle and files from before: neither they nor gateways are read again, only nodes are asked. */
  readonly known?: Facts | null | undefined;
  /** What is being asked of whom: `blocks`, `registries`, `clocks`, or the name of a gateway. */
  readonly onAsk?: ((what: string) => void) | undefined;
}

const NOBODY: Wishes = { rpc: [], quorum: null, gateways: [] };
const MAX_POLICY_BYTES = 64 * 1024;
const MAX_TRUST_BYTES = 4 * 1024 * 1024;
const MAX_ABSENCE_BYTES = 1024 * 1024;

/** Throws ArchiveError for what is no bundle, trust file, policy or URL at all: `bundle.…`, `trust.…`, `chain.rpc_url`. */
export async function verify(request: Request): Promise<Report> {
  const policy = await policyOf(request);
  const trust = await trustOf(request);
  let bundle: ProofBundle;
  try {
    bundle = readBundle(await readAll(request.bundle.source, MAX_BUNDLE_BYTES + 1), request.bundle.name);
  } catch (error) {
    if (error instanceof ArchiveError && isUnknown(error)) return toReport(unknownFormat(error, policy), null);
    throw error;
  }
  const facts = await factsOf(request.bundle.name, bundle, request.given, trust, policy, request);
  return toReport(judge(facts, policy), facts.target);
}

/** All facts about a bundle, those that the named nodes and gateways tell too. */
export async function factsOf(
  target: string, bundle: ProofBundle, given: Given, trust: TrustFile, policy: Policy, request: Omit<Request, 'bundle' | 'given'>,
): Promise<Facts> {
  const wishes = request.wishes ?? NOBODY;
  const nodes = nodesOf(wishes, request);
  const facts = request.known ? withTrust(request.known, trust) : await read(target, bundle, given, trust, wishes, request);
  return nodes.length === 0 ? facts : askNodes(facts, policy, nodes, wishes.quorum, request.onAsk);
}

/** What the files and the gateways give. */
async function read(
  target: string, bundle: ProofBundle, given: Given, trust: TrustFile, wishes: Wishes, request: Omit<Request, 'bundle' | 'given'>,
): Promise<Facts> {
  const options: GatewayOptions = { signal: request.signal, ...(wishes.fetch === undefined ? {} : { fetch: wishes.fetch }) };
  const downloads = await askGateways(bundle.content_id, wishes.gateways, { ...options, onProgress: (name) => request.onAsk?.(name) });
  const good = downloads.find((download) => download.car !== null);
  // What was given is what is verified; only where nothing was, it is the download.
  const files: readonly GivenFile[] =
    given.files.length > 0 || good === undefined
      ? given.files
      : [{ name: good.answer.store, path: null, full: '/package.car', source: blobSource(good.car!) }];
  const found = await gather(target, bundle, { ...given, files }, trust, request);
  return { ...found, stores: downloads.map((download) => download.answer), offline: wishes.gateways.length === 0 };
}

/** An exclusion proof; throws ArchiveError `absence.…` for what is none. */
export async function verifyAbsenceFile(
  file: Named, trust: TrustFile, wishes: Wishes = NOBODY, progress: Progress = {},
): Promise<AbsenceReport> {
  const proof = readAbsence(await readAll(file.source, MAX_ABSENCE_BYTES + 1));
  return verifyAbsence(file.name, proof, trust, nodesOf(wishes, progress), wishes.quorum);
}

function nodesOf(wishes: Wishes, { signal }: Progress): NamedNode[] {
  const nodes = openNodes(wishes.rpc, {
    ...(signal === undefined ? {} : { signal }),
    ...(wishes.fetch === undefined ? {} : { fetch: wishes.fetch }),
  });
  const places = placesOf(nodes).size;
  if (wishes.quorum !== null && nodes.length > 0 && wishes.quorum > places) {
    const are = places === 1 ? 'host is' : 'different hosts are';
    throw new ArchiveError('verify.quorum', `a quorum of ${wishes.quorum}: only ${places} ${are} named`, 'name more nodes; several URLs of one host count once');
  }
  return nodes;
}

async function policyOf({ policy }: Request): Promise<Policy> {
  return policy ? parsePolicy(await readAll(policy.source, MAX_POLICY_BYTES + 1), policy.name) : DEFAULT_POLICY;
}

async function trustOf({ trust }: Request): Promise<TrustFile> {
  return trust ? parseTrust(await readAll(trust.source, MAX_TRUST_BYTES + 1), trust.name) : NOTHING;
}
