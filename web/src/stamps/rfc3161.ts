import { bytesToHex, equalBytes } from '../bytes.ts';
import { ArchiveError } from '../errors.ts';
import { checkSignature, findSigner, parseToken, type SignedToken, type TimeStampInfo } from './cms.ts';
import { renewalMessage, subjectMessage, type Rfc3161Stamp, type Token } from './entries.ts';
import { DIGESTS } from './keys.ts';
import { worst, type Checked, type Step } from './outcome.ts';
import { checkPath } from './path.ts';
import { checkRevocation, issuedBy } from './revocation.ts';
import { isoTime, plainDay, plainTime } from './times.ts';
import type { Status, StampRoot } from './types.ts';
import { purposes, readCertificate, TIME_STAMPING, type Certificate } from './x509.ts';

// RFC 3161 tokens against the verifier's own roots. Certificates in a bundle are never trusted: they only fill the way to
// a root of one's own.

export const MAX_PATH = 8;
// Certificates that issued one another in circles must not keep us busy: steps, and signatures that are checked.
const MAX_STEPS = 64;
const MAX_CHECKS = 128;
const MAX_POOL = 16;
const LEAST_MARGIN = 1; // a token is never taken to be right to less than a second: fractions of its time are cut off
const AUTHORITY = 'time-stamp authority';

type Anchor = readonly [string, Certificate];

/** The token over the root and every renewal of it, each against the verifier's roots. */
export function checkStamp(stamp: Rfc3161Stamp, root: string, roots: readonly StampRoot[]): Checked {
  const message = subjectMessage(root);
  const first = checkToken(stamp.first, message, roots);
  const results = [first];
  const steps = [...first.steps];
  stamp.renewals.forEach((token, index) => {
    const result = checkToken(token, renewalMessage(stamp, message, index), roots);
    steps.push(...result.steps, checkRenewal(index, stamp, result));
    results.push(result);
  });
  const bad = steps.find((s) => s.status === 'fail');
  if (bad !== undefined) return { status: 'fail', steps, note: bad.note, clock: first.clock, time: null, margin: 0 };
  const best = results.find((r) => r.status === 'pass');
  if (best === undefined) return { status: 'unchecked', steps, note: first.note, clock: first.clock, time: null, margin: 0 };
  const note = best === first ? best.note : `by a renewal of ${best.clock}: ${best.note}; of the first: ${first.note}`;
  return { ...best, steps, note };
}

/** Whether a renewal came after what it renews, and while the certificate before was still valid. */
function checkRenewal(index: number, stamp: Rfc3161Stamp, result: Checked): Step {
  const code = 'stamp.rfc3161.renewal';
  const before = index === 0 ? stamp.first : stamp.renewals[index - 1]!;
  const name = `renewal ${index + 1}`;
  let earlier: number, later: number, signer: Certificate | null;
  try {
    const parsed = parseToken(before.token);
    earlier = parsed.info.time;
    later = parseToken(stamp.renewals[index]!.token).info.time;
    signer = findSigner(parsed, certificates(before, parsed));
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    return { code, status: 'fail', note: `${name}: ${error.message}`, found: error.code };
  }
  if (later < earlier) {
    return { code, status: 'fail', note: `${name} is older than what it renews`, expected: isoTime(earlier), found: isoTime(later) };
  }
  if (result.status !== 'pass') return { code, status: result.status, note: `${name}: ${result.note}` };
  if (signer === null || later >= signer.notAfter) {
    return { code, status: 'unchecked', note: `${name} came after the certificate before it had expired: it adds nothing` };
  }
  return { code, status: 'pass', note: `${name} by ${result.clock}, made while the certificate before it was valid` };
}

/** One token over a message. */
export function checkToken(token: Token, message: Uint8Array, roots: readonly StampRoot[]): Checked {
  try {
    return judge(token, parseToken(token.token), message, roots);
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    // What nobody here can compute is no proof of anything wrong.
    const status: Status = error.code === 'stamp.rfc3161.algorithm' ? 'unchecked' : 'fail';
    const steps = [{ code: error.code, status, note: error.message }];
    return { status, steps, note: error.message, clock: token.authority ?? AUTHORITY, time: null, margin: 0 };
  }
}

function judge(token: Token, parsed: SignedToken, message: Uint8Array, roots: readonly StampRoot[]): Checked {
  const { info } = parsed;
  const steps = [checkImprint(info, message), checkNonce(info, token)];
  const pool = certificates(token, parsed);
  const anchors = roots.map((root): Anchor => [root.name, readCertificate(root.certificate)]);
  const signer = findSigner(parsed, [...pool, ...anchors.map(([, c]) => c)]);
  let clock = token.authority ?? AUTHORITY;
  if (signer === null) {
    const note = 'the certificate of its signer is not with it: the signature could not be checked';
    steps.push({ code: 'stamp.rfc3161.signature', status: 'unchecked', note });
    return { status: worst(steps), steps, note, clock, time: null, margin: 0 };
  }
  const wrong = checkSignature(parsed, signer);
  steps.push({ code: 'stamp.rfc3161.signature', status: wrong === null ? 'pass' : 'fail', note: wrong ?? "signed by the certificate's key" });
  steps.push(checkPurpose(signer));
  const [path, rootName] = buildPath(signer, pool, anchors);
  steps.push(checkChain(parsed, path, rootName));
  const accepted = roots.find((root) => root.name === rootName)?.policies ?? [];
  if (accepted.length > 0) steps.push(checkPolicy(info.policy, accepted));
  if (rootName !== null) clock = token.authority === null || token.authority === rootName ? rootName : `${token.authority} (${rootName})`;
  const revocation = checkRevocation(path, info.time, token.crls, token.ocsp);
  const status = revocation.status === 'fail' ? 'fail' : worst(steps);
  steps.push(revocation);
  if (status !== 'pass') return { status, steps, note: steps.find((s) => s.status === status)!.note, clock, time: null, margin: 0 };
  const note = `stamped ${plainTime(info.time)} UTC, policy ${info.policy}`;
  return { status, steps, note, clock, time: info.time, margin: Math.max(LEAST_MARGIN, info.accuracy ?? 0) };
}

function checkImprint(info: TimeStampInfo, message: Uint8Array): Step {
  const code = 'stamp.rfc3161.imprint';
  const digest = DIGESTS.get(info.imprintAlgorithm);
  if (digest === undefined) {
    return { code, status: 'unchecked', note: `the imprint is of an algorithm that is not checked here (${info.imprintAlgorithm})` };
  }
  const expected = bytesToHex(digest.hash(message));
  const found = bytesToHex(info.imprint);
  if (expected !== found) return { code, status: 'fail', note: 'the token is about something else', expected, found };
  return { code, status: 'pass', note: `the token is about this subject (${digest.name})`, expected, found };
}

function checkNonce(info: TimeStampInfo, token: Token): Step {
  const code = 'stamp.rfc3161.nonce';
  if (token.nonce === null) return { code, status: 'pass', note: 'no nonce was asked with' };
  const [expected, found] = [token.nonce, info.nonce].map((n) => (n === null ? 'none' : `0x${n.toString(16)}`)) as [string, string];
  if (info.nonce !== token.nonce) return { code, status: 'fail', note: 'the token has not the nonce that was asked with', expected, found };
  return { code, status: 'pass', note: 'the nonce is the one that was asked with', expected, found };
}

/** RFC 3161, section 2.3: extended key usage, critical, with time-stamping and nothing else. */
function checkPurpose(signer: Certificate): Step {
  const code = 'stamp.rfc3161.purpose';
  const usage = purposes(signer);
  if (usage === null) return { code, status: 'fail', note: "the signer's certificate does not say that it is for time-stamping" };
  if (!usage.critical || usage.oids.length !== 1 || usage.oids[0] !== TIME_STAMPING) {
    return { code, status: 'fail', note: "the signer's certificate is not for time-stamping alone (critical extended key usage)" };
  }
  return { code, status: 'pass', note: "the signer's certificate is for time-stamping alone" };
}

/** The policy says how carefully the authority keeps its clock and key; which one is enough, the verifier says. */
function checkPolicy(found: string, accepted: readonly string[]): Step {
  const code = 'stamp.rfc3161.policy';
  const expected = accepted.join(', ');
  if (accepted.includes(found)) return { code, status: 'pass', note: 'under a policy that your trust file accepts', expected, found };
  return { code, status: 'unchecked', note: `under the policy ${found}, which your trust file does not accept of this authority`, expected, found };
}

/** Those inside the token and those kept beside it; unreadable ones are left out, they prove nothing. */
function certificates(token: Token, parsed: SignedToken): Certificate[] {
  const beside = token.certificates.flatMap((raw) => {
    try {
      return [readCertificate(raw)];
    } catch (error) {
      if (error instanceof ArchiveError) return [];
      throw error;
    }
  });
  return [...parsed.certificates.slice(0, MAX_POOL).filter((c) => c.usable), ...beside];
}

/** The certificates from the signer up to a root of the verifier, and its name; without such a root as far as it goes, and null. */
export function buildPath(
  signer: Certificate,
  pool: readonly Certificate[],
  anchors: readonly Anchor[],
): readonly [readonly Certificate[], string | null] {
  const known = new Map<string, boolean>();
  const issued = (certificate: Certificate, issuer: Certificate): boolean => {
    if (certificate.issuer.key !== issuer.subject.key) return false;
    const pair = `${bytesToHex(certificate.raw)} ${bytesToHex(issuer.raw)}`;
    const answer = known.get(pair) ?? (known.size < MAX_CHECKS && issuedBy(certificate, issuer));
    known.set(pair, answer);
    return answer;
  };
  let longest: readonly Certificate[] = [signer];
  const todo: (readonly Certificate[])[] = [longest];
  for (let step = 0; step < MAX_STEPS; step++) {
    const path = todo.pop();
    if (path === undefined) break;
    if (path.length > longest.length) longest = path;
    const last = path[path.length - 1]!;
    for (const [name, root] of anchors) if (issued(last, root)) return [[...path, root], name];
    if (path.length >= MAX_PATH) continue;
    for (const next of pool) if (!path.some((c) => equalBytes(c.raw, next.raw)) && issued(last, next)) todo.push([...path, next]);
  }
  return [longest, null];
}

function checkChain(token: SignedToken, path: readonly Certificate[], rootName: string | null): Step {
  const code = 'stamp.rfc3161.chain';
  if (rootName === null) {
    const found = path[path.length - 1]!.issuer.text;
    const note =
      `no root of your trust file leads to it (issued by ${found}). If you believe that authority, and have its ` +
      'root certificate by another way: archive trust add authority ROOT.pem --name NAME';
    return { code, status: 'unchecked', note, found };
  }
  const moment = token.info.time;
  for (const certificate of path) {
    if (certificate.notBefore <= moment && moment < certificate.notAfter) continue;
    const expected = `${plainDay(certificate.notBefore)} to ${plainDay(certificate.notAfter)}`;
    return { code, status: 'fail', note: `${certificate.subject.text} was not valid at the time of the token`, expected, found: isoTime(moment) };
  }
  const [status, note] = checkPath(token, path);
  if (status !== 'pass') return { code, status, note };
  return { code, status, note: `leads to '${rootName}' of your trust file, and was valid at the time of the token` };
}
