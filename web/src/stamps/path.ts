import { equalBytes } from '../bytes.ts';
import { holdsAsStated, type SignedToken } from './cms.ts';
import { issuedBy } from './revocation.ts';
import type { Status } from './types.ts';
import {
  authorityKey, AUTHORITY_KEY, basicConstraints, BASIC_CONSTRAINTS, DIGITAL_SIGNATURE, EXTENDED_KEY_USAGE, KEY_CERT_SIGN, keyUsage, KEY_USAGE,
  NAME_CONSTRAINTS, nameLimits, NON_REPUDIATION, purposes, SUBJECT_KEY, subjectKey, TIME_STAMPING, type Certificate, type Name,
} from './x509.ts';

// The rules of RFC 5280 for a path from a time-stamp signer to a root: those that OpenSSL applies for the purpose of
// time-stamping, without certificate policies. Signatures and validity were looked at before.

// Critical extensions that are understood, or that ask for nothing here: any other critical one sinks the path.
const UNDERSTOOD = new Set([
  KEY_USAGE, EXTENDED_KEY_USAGE, BASIC_CONSTRAINTS, AUTHORITY_KEY, SUBJECT_KEY, NAME_CONSTRAINTS,
  '2.5.29.17', '2.5.29.31', '2.5.29.32', '2.5.29.33', '2.5.29.36', '2.5.29.54', '1.3.6.1.5.5.7.48.1.5', '2.16.840.1.113730.1.1',
  '1.3.6.1.5.5.7.1.7', '1.3.6.1.5.5.7.1.8',
]);
const ALTERNATIVE_NAMES = '2.5.29.17';
const OTHER_PURPOSES = new Set(
  ['1', '2', '3', '4', '9', '10'].map((n) => `1.3.6.1.5.5.7.3.${n}`).concat('2.5.29.37.0', '1.3.6.1.4.1.311.10.3.3', '2.16.840.1.113730.4.1'),
);

/** Whether the path may lead to its root, with the reason where not. */
export function checkPath(token: SignedToken, path: readonly Certificate[]): [Status, string] {
  for (const [i, certificate] of path.entries()) {
    const wrong = i === 0 ? null : wrongAuthority(certificate);
    if (wrong !== null) return ['fail', wrong];
  }
  const wrong = wrongSignature(token, path[0]!) ?? wrongSigner(path[0]!) ?? wrongLinks(path);
  if (wrong !== null) return ['fail', wrong];
  for (const [i, certificate] of path.entries()) {
    const limits = i === 0 ? undefined : nameLimits(certificate);
    if (limits === undefined) continue;
    const name = certificate.subject.text;
    if (limits === null) return ['unchecked', `${name} limits the names under it in a way that this version does not check`];
    for (const [j, below] of path.slice(0, i).entries()) {
      if (j > 0 && equalBytes(below.subject.raw, below.issuer.raw)) continue;
      if (below.extensions!.has(ALTERNATIVE_NAMES)) return ['unchecked', `${name} limits the names under it, and ${below.subject.text} has others`];
      const under = (base: Name): boolean => isUnder(below.subject, base);
      if ((limits.permitted.length > 0 && !limits.permitted.some(under)) || limits.excluded.some(under)) {
        return ['fail', `${name} does not allow the name ${below.subject.text} under it`];
      }
    }
  }
  return ['pass', ''];
}

/** Whether a name begins with all parts of another; letters and spaces are compared as OpenSSL does, by their canonical form. */
function isUnder(name: Name, base: Name): boolean {
  const [own, prefix] = [name, base].map((n) => (JSON.parse(n.key) as string[][]).map((part) => JSON.stringify(part.map(canonical).sort())));
  return prefix!.every((part, i) => part === own![i]);
}

function canonical(attribute: string): string {
  return attribute.replace(/="\s+/, '="').replace(/\s+$/, '').replace(/\s+/g, ' ').replace(/[A-Z]/g, (c) => c.toLowerCase());
}

function wrongAuthority(certificate: Certificate): string | null {
  const basic = basicConstraints(certificate);
  const usage = keyUsage(certificate);
  if (basic?.ca === true && (usage === undefined || (usage !== null && (usage & KEY_CERT_SIGN) !== 0))) return null;
  return 'a certificate on the way to the root may not issue others';
}

function wrongSignature(token: SignedToken, signer: Certificate): string | null {
  if (!token.digestAlgorithms.includes(token.digest)) return 'the digest of the signature is not among those that the token lists';
  return holdsAsStated(token, signer) ? null : 'the signature does not hold over the digest that the token states';
}

function wrongSigner(signer: Certificate): string | null {
  const usage = keyUsage(signer);
  const allowed = DIGITAL_SIGNATURE | NON_REPUDIATION;
  if (usage === null || (usage !== undefined && ((usage & ~allowed) !== 0 || (usage & allowed) === 0))) {
    return "the signer's certificate is for other uses of its key";
  }
  const purpose = purposes(signer);
  if (purpose === null || !purpose.critical || !purpose.oids.includes(TIME_STAMPING) || purpose.oids.some((oid) => OTHER_PURPOSES.has(oid))) {
    return "the signer's certificate is not for time-stamping";
  }
  return null;
}

function wrongLinks(path: readonly Certificate[]): string | null {
  const root = path[path.length - 1]!;
  if (!issuedBy(root, root) || !namesKeyOf(root, root)) return 'the root is not self-signed';
  let below = 0;
  for (const [i, certificate] of path.entries()) {
    const name = certificate.subject.text;
    if (certificate.extensions === null || !isReadable(certificate)) return `${name} has an extension that cannot be read`;
    for (const [oid, { critical }] of certificate.extensions) {
      if (critical && !UNDERSTOOD.has(oid)) return `${name} has a critical extension that is not understood (${oid})`;
    }
    const limit = basicConstraints(certificate)?.pathLength ?? null;
    if (limit !== null && below > limit) return `${name} allows no path as long as this`;
    if (i > 0 && !equalBytes(certificate.subject.raw, certificate.issuer.raw)) below++;
    const issuer = path[i + 1];
    if (issuer !== undefined && !namesKeyOf(certificate, issuer)) return `${name} names another key of its issuer`;
  }
  return null;
}

function isReadable(certificate: Certificate): boolean {
  const basic = basicConstraints(certificate);
  const usage = keyUsage(certificate);
  const purpose = certificate.extensions!.has(EXTENDED_KEY_USAGE) ? purposes(certificate) : undefined;
  if (basic === null || usage === null || purpose === null) return false;
  if (basic !== undefined && !basic.ca && basic.pathLength !== null) return false;
  return usage !== 0 && subjectKey(certificate) !== null && authorityKey(certificate) !== null;
}

/** Whether what a certificate says of its issuer's key fits this issuer; saying nothing fits any. */
function namesKeyOf(certificate: Certificate, issuer: Certificate): boolean {
  const named = authorityKey(certificate);
  if (named === undefined) return true;
  if (named === null) return false;
  const own = subjectKey(issuer);
  if (named.key !== null && own && !equalBytes(named.key, own)) return false;
  if (named.serial !== null && named.serial !== issuer.serial) return false;
  return named.issuer === null || named.issuer.key === issuer.issuer.key;
}
