/** Judging an exclusion proof: its own steps, the registry against the trust file, its block against the nodes. */
import { type AbsenceProof, checkAbsence, describeAbsenceStep } from '../chain/absence.ts';
import { KNOWN_CHAINS } from '../chain/pins.ts';
import { type HeaderAnswer, noAnswers } from './facts.ts';
import { type NamedNode, headerAnswer } from './nodes.ts';
import { type Check, type ReportCheck, type Verdict, check } from './outcome.ts';
import { repr } from './python.ts';
import { checkCode, checkFinal, checkHeader } from './quorum.ts';
import { checkJson } from './report.ts';
import { type TrustFile, registryOf } from './trust.ts';

export const ABSENCE_REQUIRED = ['absence.entry', 'absence.registry', 'chain.code', 'chain.header'];

/** The keys of `archive absent FILE --json`. */
export interface AbsenceReport {
  readonly proof: string;
  readonly block: number;
  readonly root: string;
  readonly publisher: string;
  readonly registry: string;
  readonly chain_id: number;
  readonly genesis: string;
  readonly verdict: Verdict;
  readonly required: readonly string[];
  readonly lacking: readonly string[];
  readonly trust: string | null;
  readonly checks: readonly ReportCheck[];
}

/** Without nodes nobody is asked; the rules about them are those of anchors. `name` is how the file is called. */
export async function verifyAbsence(
  name: string, proof: AbsenceProof, trust: TrustFile, nodes: readonly NamedNode[] = [], quorum: number | null = null,
): Promise<AbsenceReport> {
  const { steps, proven } = checkAbsence(proof);
  const offline = nodes.length === 0;
  const known = offline ? undefined : KNOWN_CHAINS.find((chain) => chain.chainId === proof.chain_id);
  const subject = `${known?.name ?? `chain ${proof.chain_id}`} block ${proof.block.number}`;
  const checks: Check[] = steps.map((step) => {
    const held = step.code === 'absence.entry' ? "the registry's storage holds no entry of this key and root" : null;
    const note = step.status === 'pass' ? held : describeAbsenceStep(step.code);
    return check(step.code, step.status, subject, { expected: step.expected, found: step.found, note, section: 'time' });
  });
  let grade: string | null = null;
  if (proven !== null) {
    const headers: HeaderAnswer[] = await Promise.all(nodes.map((node) => headerAnswer(node, proven)));
    const asked = { ...noAnswers(0), headers, rule: known?.confirmations ?? null, quorum: known?.quorum ?? null };
    const trusted = registryOf(trust, proven.chainId, proven.genesis, proven.registry);
    const found = `${proven.registry} on chain ${proven.chainId}, genesis ${proven.genesis}`;
    const note = trusted === null ? 'this registry is not in your trust file' : `trusted as ${repr(trusted.name)}`;
    checks.push(check('absence.registry', trusted === null ? 'unchecked' : 'pass', subject, { found, note, section: 'time' }));
    const facts = { quorum, offline };
    const [header, agreement] = checkHeader(subject, null, proven, asked, facts);
    checks.push(
      ...checkCode(subject, null, proven.codeHash, asked, facts, trusted?.codeHash ?? null),
      ...header,
      ...checkFinal(subject, null, asked, facts, agreement, false),
    );
    grade = agreement.grade;
  }
  const lacking = ABSENCE_REQUIRED.filter((code) => !checks.some((c) => c.code === code && c.status === 'pass'));
  const failed = checks.some((c) => c.status === 'fail');
  return {
    proof: name,
    block: proof.block.number,
    root: proof.root,
    publisher: proof.publisher,
    registry: proof.registry,
    chain_id: proof.chain_id,
    genesis: proof.genesis,
    verdict: failed ? 'fail' : lacking.length > 0 ? 'incomplete' : 'pass',
    required: ABSENCE_REQUIRED,
    lacking,
    trust: grade,
    checks: checks.map(checkJson),
  };
}
