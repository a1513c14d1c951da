/** The questions that decide whether a proof means anything to the reader, each with how to decide it and a way to say so. */
import { type Child, code, factList, h } from './dom.ts';
import type { Messages } from './i18n/index.ts';
import type { Contract, Details } from './protocol.ts';
import type { AnchorJson, ReportJson } from './report-json.ts';
import { goodName, type Publisher, type Registry } from './trust.ts';
import { publicChain } from './words.ts';

/** Hash of the registry's code that this page was built with; used where a bundle does not prove one. */
declare const REGISTRY_CODE_HASH: string;

export interface TrustActs {
  trustRegistry(registry: Registry): void;
  trustPublisher(publisher: Publisher): void;
}

interface Question {
  readonly id: string;
  readonly title: string;
  readonly why: readonly string[];
  readonly facts: readonly (readonly [string, Child])[];
  /** The reader's name for it, null while it is not trusted. */
  readonly known: string | null;
  readonly label: string;
  readonly answer: (name: string) => void;
}

/** One question for each contract and key that the anchors name. */
export function questionsView(m: Messages, report: ReportJson, details: Details | null, acts: TrustActs): HTMLElement | null {
  const { anchors } = report;
  if (anchors.length === 0) return null;
  const registries = [...new Map(anchors.map((a) => [`${a.chain_id} ${a.genesis} ${a.registry}`, a])).values()];
  const publishers = [...new Map(anchors.map((a) => [a.publisher, a])).values()];
  const open = anchors.some((a) => a.registry_name === null || a.publisher_name === null);
  const codeOf = (a: AnchorJson): string | null =>
    details?.anchors.find((d) => d.transaction === a.transaction)?.codeHash ?? null;
  return h(
    'section',
    { class: 'questions' },
    h('h2', {}, open ? m.trust.questions : m.trust.answered),
    open ? h('p', {}, m.trust.questionsLead) : null,
    registries.map((a, i) => registryQuestion(m, a, a.registry_name, codeOf(a), acts, i)),
    publishers.map((a, i) => publisherQuestion(m, report, a, acts, i)),
  );
}

/** `proven` is the hash of the contract's code by a state proof, null without one. */
export function registryQuestion(
  m: Messages,
  contract: Contract,
  known: string | null,
  proven: string | null,
  acts: TrustActs,
  index = 0,
): HTMLElement {
  const { chain_id, genesis, registry: address } = contract;
  const code_hash = proven ?? REGISTRY_CODE_HASH;
  const chain = publicChain(contract);
  const facts: [string, Child][] = [
    [m.trust.contract, code(address)],
    [m.trust.chain, chain === null ? String(chain_id) : `${chain_id} (${chain})`],
    [m.trust.genesis, code(genesis)],
  ];
  if (known === null)
    facts.push([`${m.trust.codeHash} (${proven === null ? m.trust.codeKnown : m.trust.codeProven})`, code(code_hash)]);
  return questionView(m, {
    id: numbered('ask-registry', index),
    title: m.trust.registryQuestion,
    why: [m.trust.registryWhy, m.trust.registryHow],
    facts,
    known,
    label: m.trust.addRegistry,
    answer: (name) => acts.trustRegistry({ name, chain_id, genesis, address, code_hash, workspace_chain: false }),
  });
}

function publisherQuestion(m: Messages, report: ReportJson, anchor: AnchorJson, acts: TrustActs, index: number): HTMLElement {
  const { publisher: address } = anchor;
  const unnamed = report.checks.some((c) => c.code === 'origin.publisher' && c.expected === null && c.found === address);
  return questionView(m, {
    id: numbered('ask-publisher', index),
    title: m.trust.publisherQuestion,
    why: [m.trust.publisherWhy, m.trust.publisherHow, ...(unnamed ? [m.trust.unnamedPublisher] : [])],
    facts: [[m.trust.key, code(address)]],
    known: anchor.publisher_name,
    label: m.trust.addPublisher,
    answer: (name) => acts.trustPublisher({ address, name }),
  });
}

function numbered(id: string, index: number): string {
  return index === 0 ? id : `${id}-${index + 1}`;
}

function questionView(m: Messages, { id, title, why, facts, known, label, answer }: Question): HTMLElement {
  const list = factList(facts);
  if (known !== null) return h('div', { class: 'question pass', id }, h('h3', {}, title), h('p', {}, m.trust.known(known)), list);
  const input = h('input', { id: `${id}-name`, autocomplete: 'off', maxlength: '400', 'aria-describedby': `${id}-says` });
  const says = h('p', { id: `${id}-says`, class: 'problem', role: 'alert' });
  const submit = (event: Event): void => {
    event.preventDefault();
    const name = input.value.normalize('NFC').trim();
    if (goodName(name)) return answer(name);
    says.textContent = name === '' ? m.trust.nameNeeded : m.trust.nameBad;
    input.setAttribute('aria-invalid', 'true');
    input.focus();
  };
  return h(
    'form',
    { class: 'question unchecked', id, submit, autocomplete: 'off' },
    h('h3', {}, title),
    why.map((text) => h('p', {}, text)),
    list,
    h('label', { for: input.id }, m.trust.nameLabel),
    input,
    says,
    h('p', { class: 'buttons' }, h('button', { type: 'submit' }, label)),
  );
}
