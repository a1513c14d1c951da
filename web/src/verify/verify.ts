/**
 * The browser verifier as one call: what `archive verify BUNDLE FILES… --offline --json` says of the same input. With
 * `online` it asks the nodes and places that the user named, else nobody.
 */
import { ArchiveError, isUnknown } from '../errors.ts';
import { MAX_BUNDLE_BYTES } from '../format/limits.ts';
import type { ByteSource } from '../format/source.ts';
import { judge, unknownFormat } from './checks.ts';
import { gather, readBundle } from './gather.ts';
import { type Given, type Progress, readAll } from './given.ts';
import { DEFAULT_POLICY, parsePolicy } from './policy.ts';
import { type Report, toReport } from './report.ts';
import { NOTHING, parseTrust } from './trust.ts';

export type { Given, GivenFile } from './given.ts';
export { fromBrowser } from './given.ts';
export type { Report, ReportCheck } from './report.ts';
export type { Rung } from './ladder.ts';

/** A file by name. */
export interface Named {
  readonly name: string;
  readonly source: ByteSource;
}

export interface Request extends Progress {
  readonly bundle: Named;
  readonly given: Given;
  readonly trust?: Named | null | undefined;
  readonly policy?: Named | null | undefined;
}

/** Throws ArchiveError for what is no bundle, trust file or policy at all: `bundle.…`, `trust.…`, `policy.…`. */
export async function verify(request: Request): Promise<Report> {
  const { bundle: named, given } = request;
  const policy = request.policy ? parsePolicy(await whole(request.policy), request.policy.name) : DEFAULT_POLICY;
  const trust = request.trust ? parseTrust(await whole(request.trust), request.trust.name) : NOTHING;
  let bundle;
  try {
    bundle = readBundle(await readAll(named.source, MAX_BUNDLE_BYTES + 1), named.name);
  } catch (error) {
    if (error instanceof ArchiveError && isUnknown(error)) return toReport(unknownFormat(error, policy), null);
    throw error;
  }
  const facts = await gather(named.name, bundle, given, trust, request);
  return toReport(judge(facts, policy), facts.target);
}

async function whole({ source }: Named): Promise<Uint8Array> {
  return readAll(source, MAX_BUNDLE_BYTES);
}
