/** Runs a verification away from the page: reads the files in pieces, tells how far it is, hands back the report. */
import { ArchiveError } from './errors.ts';
import { detailsOf } from './ui/details.ts';
import type { AbsenceResult, Failure, FileItem, FromWorker, Job, Result, ToWorker } from './ui/protocol.ts';
import type { ReportJson } from './ui/report-json.ts';
import type { Facts } from './verify/facts.ts';
import { readBundle } from './verify/gather.ts';
import { judge, unknownFormat } from './verify/checks.ts';
import { type GivenFile, readAll } from './verify/given.ts';
import { blobSource } from './format/source.ts';
import { MAX_BUNDLE_BYTES } from './format/limits.ts';
import { isUnknown } from './errors.ts';
import { DEFAULT_POLICY, parsePolicy, type Policy } from './verify/policy.ts';
import { toReport } from './verify/report.ts';
import { MAX_TRUST_BYTES, NOTHING, parseTrust, type TrustFile } from './verify/trust.ts';
import { factsOf, verifyAbsenceFile } from './verify/verify.ts';

const MAX_POLICY_BYTES = 64 * 1024;
const PROGRESS_EVERY_MS = 80;

/** What was read of the files the last time. */
let known: Facts | null = null;

const tell = (message: FromWorker): void => self.postMessage(message);

self.onmessage = async (event: MessageEvent<ToWorker>): Promise<void> => {
  if (event.data.kind === 'trust') return tell({ kind: 'trust', failure: trustFailure(event.data.data) });
  try {
    tell({ kind: 'report', result: await run(event.data) });
  } catch (error) {
    tell({ kind: 'failed', failure: failureOf(error) });
  }
};

function failureOf(error: unknown): Failure {
  if (error instanceof ArchiveError) return { code: error.code, message: error.message, hint: error.hint ?? null };
  return { code: null, message: String(error), hint: null };
}

function trustFailure(data: Uint8Array): Failure | null {
  try {
    parseTrust(data.subarray(0, MAX_TRUST_BYTES + 1));
    return null;
  } catch (error) {
    return failureOf(error);
  }
}

async function run(job: Job): Promise<Result> {
  const trust = job.trust === null ? NOTHING : parseTrust(job.trust);
  const policy = await policyOf(job);
  const bundleFile = job.files.find((file) => file.role === 'bundle');
  const checked = bundleFile === undefined ? { report: null, details: null } : await checkBundle(job, bundleFile, trust, policy);
  const proofs = job.files.filter((file) => file.role === 'absence');
  return { ...checked, absences: await Promise.all(proofs.map((file) => checkAbsence(file, trust, job))) };
}

/** A proof that is none is told beside the others: it takes nothing away from them. */
async function checkAbsence({ file, name }: FileItem, trust: TrustFile, wishes: Job): Promise<AbsenceResult> {
  try {
    const about = await verifyAbsenceFile({ name, source: blobSource(file) }, trust, wishes);
    return { name, verdict: about.verdict, lacking: about.lacking, checks: about.checks, about, failure: null };
  } catch (error) {
    const failure = failureOf(error);
    const verdict = error instanceof ArchiveError && isUnknown(error) ? 'incomplete' : 'fail';
    return { name, verdict, lacking: [], checks: [], about: null, failure };
  }
}

async function policyOf(job: Job): Promise<Policy> {
  const file = job.files.find((item) => item.role === 'policy');
  return file === undefined ? DEFAULT_POLICY : parsePolicy(await readAll(blobSource(file.file), MAX_POLICY_BYTES + 1), file.name);
}

async function checkBundle(
  job: Job,
  bundleFile: FileItem,
  trust: TrustFile,
  policy: Policy,
): Promise<Pick<Result, 'report' | 'details'>> {
  let bundle;
  try {
    bundle = readBundle(await readAll(blobSource(bundleFile.file), MAX_BUNDLE_BYTES + 1), bundleFile.name);
  } catch (error) {
    if (!(error instanceof ArchiveError) || !isUnknown(error)) throw error;
    return { report: toReport(unknownFormat(error, policy), null) as ReportJson, details: null };
  }
  const files = job.files
    .filter((item) => item !== bundleFile && item.role !== 'policy' && item.role !== 'absence')
    .map(givenFile);
  let last = 0;
  known = await factsOf(bundleFile.name, bundle, { files }, trust, policy, {
    wishes: job,
    known: job.again ? known : null,
    onAsk: (what) => tell({ kind: 'progress', what: 'ask', name: what, done: 0, all: 0 }),
    onProgress: (name, done, all) => {
      const now = Date.now();
      if (now - last < PROGRESS_EVERY_MS && done < all) return;
      last = now;
      tell({ kind: 'progress', what: 'read', name, done, all });
    },
  });
  tell({ kind: 'progress', what: 'check', name: '', done: 0, all: 0 });
  return { report: toReport(judge(known, policy), known.target) as ReportJson, details: detailsOf(known.bundle) };
}

function givenFile({ file, name, path }: FileItem): GivenFile {
  return { name, path, full: path ?? `/${name}`, source: blobSource(file) };
}
