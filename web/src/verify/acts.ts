/**
 * What registries say beside the anchor: retraction, endorsements, other histories; and what a policy asks of keys.
 *
 * Nothing here is proven by the bundle: it is what nodes answer about trusted registries. Sources that disagree settle
 * nothing, and silence is never read as "none".
 */
import type { Header } from '../format/entries.ts';
import type { AnchoredFact, EndorsementFact, Facts, RegistryFacts } from './facts.ts';
import { grouped } from './matching.ts';
import { type AnchorSummary, type Check, type Status, check, isOfPublisher } from './outcome.ts';
import { type Policy, covers } from './policy.ts';
import { compareText, repr } from './python.ts';
import { halfOf, namesOf, placesOf } from './quorum.ts';
import { day } from './times.ts';
import { type TrustedRegistry, publisherOf } from './trust.ts';

type Told = [RegistryFacts, EndorsementFact];

/** Every check on what trusted registries hold about this root. */
export function checkActs(
  facts: Facts, policy: Policy, header: Header | null, root: string | null, anchors: readonly AnchorSummary[],
): Check[] {
  if (header === null || root === null) return [];
  const view = new View(facts, policy, header, root, anchors);
  return [
    ...view.retracted(),
    ...view.fork(),
    ...view.endorsements(),
    ...view.policyEndorsers(),
    ...anchors.flatMap((anchor) => view.policyPublisher(anchor)),
    ...view.claims(),
  ];
}

function keyOf(registry: TrustedRegistry): string {
  return `${registry.chainId} ${registry.genesis} ${registry.address}`;
}

const NO_KEY =
  'the package names no publisher, and no anchor of it in a registry that you trust tells of one: there is no key to ' +
  'look for';

class View {
  private readonly facts: Facts;
  private readonly policy: Policy;
  private readonly header: Header;
  private readonly root: string;
  private readonly anchors: readonly AnchorSummary[];
  private readonly answered: readonly RegistryFacts[];
  /** The publisher that the package names, else whoever anchored it in trusted registries. */
  private readonly owners: ReadonlySet<string>;

  constructor(facts: Facts, policy: Policy, header: Header, root: string, anchors: readonly AnchorSummary[]) {
    this.facts = facts;
    this.policy = policy;
    this.header = header;
    this.root = root;
    this.anchors = anchors;
    this.answered = facts.acts.filter((fact) => fact.message === null);
    const anchored = anchors.filter((anchor) => anchor.registryName !== null).map((anchor) => anchor.proven.publisher);
    this.owners = new Set(header.publisher === null ? anchored : [header.publisher]);
  }

  retracted(): Check[] {
    for (const fact of this.answered) {
      const one = fact.retractions[0];
      if (one === undefined) continue;
      const reason = one.reason !== null ? `: “${one.reason}”` : '; the reason could not be read any more';
      const own = this.owners.has(one.account) ? '' : ', a key that a succession connects with the publisher';
      const note =
        `RETRACTED by ${this.name(one.account)}${own} on ${day(one.time)}${reason} ` +
        `(${fact.registry.name}, told by ${fact.source})`;
      const said = `retracted on ${day(one.time)}` + (one.reason ? `: ${one.reason}` : '');
      return [this.check('history.retracted', 'unchecked', 'not retracted', said, note)];
    }
    const short = this.owners.size === 0 ? NO_KEY : this.answered.length === 0 ? this.whySilent() : this.tooFew();
    if (short !== null) return [this.check('history.retracted', 'unchecked', null, null, short)];
    const note = `no retraction by the publisher in the registries that you trust, as ${namesOf(this.answered)} tells`;
    return [this.check('history.retracted', 'pass', 'not retracted', 'not retracted', note)];
  }

  /** Another root with the same place in the history, in any trusted registry, by any key of the publisher. */
  fork(): Check[] {
    const forks = new Map<string, [RegistryFacts, AnchoredFact]>();
    for (const fact of this.answered) {
      for (const one of fact.anchors ?? []) {
        if (one.root !== this.root && one.previous === this.header.previous_root) {
          forks.set(`${keyOf(fact.registry)} ${one.root}`, [fact, one]);
        }
      }
    }
    if (forks.size > 0) return [...forks.values()].map(([fact, one]) => this.oneFork(fact, one));
    if (this.owners.size === 0) return [this.check('history.fork', 'unchecked', null, null, NO_KEY)];
    if (this.answered.length === 0) return [this.check('history.fork', 'unchecked', null, null, this.whySilent())];
    const unclear = this.answered.filter((fact) => fact.anchors === null).flatMap((fact) => this.unclear(fact));
    if (unclear.length > 0) return [this.check('history.fork', 'unchecked', null, null, unclear.join('; '))];
    const short = this.tooFew();
    if (short !== null) return [this.check('history.fork', 'unchecked', null, null, short)];
    const keys = new Set([...this.answered.flatMap((fact) => (fact.anchors ?? []).map((one) => one.account)), ...this.owners]);
    const registries = new Set(this.answered.map((fact) => keyOf(fact.registry)));
    const note =
      `no other history of this incident in ${count(registries.size, 'registry')} that you trust, for ` +
      `${count(keys.size, 'key')} of the publisher (${namesOf(this.answered)})`;
    return [this.check('history.fork', 'pass', null, null, note)];
  }

  endorsements(): Check[] {
    const checks: Check[] = [];
    for (const [account, root, item] of this.endorsed()) {
      const [agreed, told] = this.weigh(account, root, item);
      const first = told.find(([, one]) => one.withdrawnTime !== null) ?? agreed[0] ?? told[0];
      if (first === undefined) continue;
      const [fact, one] = first;
      const who = this.name(account);
      const same = told.filter(([f, o]) => keyOf(f.registry) === keyOf(fact.registry) && equal(o, one)).map(([f]) => f);
      const where = `${fact.registry.name}, ${namesOf(same)}`;
      if (one.withdrawnTime !== null) {
        const note = `${who} endorsed it on ${day(one.time)} and withdrew that on ${day(one.withdrawnTime)} (${where})`;
        checks.push(this.check('origin.endorsed', 'unchecked', null, account, note));
      } else if (agreed.length === 0) {
        const note = `the sources do not agree, or are too few, on an endorsement by ${who}`;
        checks.push(this.check('origin.endorsed', 'unchecked', null, account, note));
      } else if (root === this.root) {
        const note = `endorsed by ${who} on ${day(one.time)} (${where})`;
        checks.push(this.check('origin.endorsed', 'pass', account, account, note));
      } else if (item !== null) {
        const note = `the item ${repr(item)} is endorsed by ${who} since ${day(one.time)} (${where})`;
        checks.push(this.check('origin.endorsed_item', 'pass', account, account, note));
      } else {
        const note =
          `the revision before this one was endorsed by ${who} on ${day(one.time)}; that is not carried ` +
          `over to this one (${where})`;
        checks.push(this.check('origin.endorsed_earlier', 'unchecked', this.root, root, note));
      }
    }
    return checks;
  }

  policyEndorsers(): Check[] {
    if (this.policy.need === 0) return [];
    const good = this.policy.endorsers.filter((key) => {
      const [agreed, told] = this.weigh(key.address, this.root, null);
      // A withdrawal told of any trusted registry takes the key away; only an agreed time can bring it in.
      return told.every(([, one]) => one.withdrawnTime === null) && agreed.some(([, one]) => covers(key, one.time));
    });
    const names = good.map((key) => this.name(key.address));
    const need = this.policy.need;
    const status: Status = good.length >= need ? 'pass' : 'unchecked';
    let note = `the policy asks for ${need} of ${this.policy.endorsers.length} endorsers of this very root`;
    if (status === 'unchecked' && this.answered.length === 0) note += `; ${this.whySilent()}`;
    const found = good.length > 0 ? `${good.length} (${names.join(', ')})` : '0';
    return [this.check('policy.endorsers', status, `at least ${need}`, found, note)];
  }

  policyPublisher(anchor: AnchorSummary): Check[] {
    if (this.policy.publishers === null) return [];
    const proven = anchor.proven;
    const key = this.policy.publishers.find((one) => one.address === proven.publisher);
    let status: Status = 'fail';
    let note: string;
    if (key === undefined) {
      note = 'the policy does not list this key as a publisher';
    } else if (!covers(key, proven.timestamp)) {
      note = `the policy lists this key, but not for ${day(proven.timestamp)}`;
    } else if (!isOfPublisher(anchor)) {
      status = 'unchecked';
      note = 'the policy lists this key, which signed nothing here: a contract that is not trusted names it';
    } else if (!anchor.headerAgreed) {
      status = 'unchecked';
      note = 'the policy lists this key, but the time of the anchor rests on a block that is not agreed';
    } else {
      status = 'pass';
      note = 'the policy lists this key, for this time';
    }
    const found = `${proven.publisher} at ${day(proven.timestamp)}`;
    return [check('policy.publisher', status, this.subject, { found, note, section: 'origin', anchor: anchor.index })];
  }

  /** What the publisher says to be elsewhere: for the reader to follow up, and never a reason to believe. */
  claims(): Check[] {
    const publishers = new Set(this.anchors.map((anchor) => anchor.proven.publisher));
    return this.facts.trust.publishers
      .filter((known) => publishers.has(known.address))
      .flatMap((known) =>
        known.claims.map((claim) =>
          this.check('origin.claim', 'unchecked', null, claim, `${known.name} claims ${claim}; nothing here checked it`),
        ),
      );
  }

  private get subject(): string {
    return `${this.header.incident} revision ${this.header.revision}`;
  }

  /** Why nothing is known of the registries. */
  private whySilent(): string {
    const told = this.facts.acts.filter((fact) => fact.message !== null).map((fact) => `${fact.source}: ${fact.message}`);
    if (told.length > 0) return told.join('; ');
    return this.facts.offline ? 'offline: no registry was asked' : 'no node of a trusted registry was asked';
  }

  /** How many places must answer for a registry, by the rule for the block of an anchor. */
  private needed(key: string): number {
    const here = this.facts.acts.filter((fact) => keyOf(fact.registry) === key);
    const network = this.facts.clocks.chainQuorums[`eip155:${here[0]?.registry.chainId}`];
    return this.facts.quorum ?? network ?? halfOf(placesOf(here).size);
  }

  /** Which registries were answered for by fewer places than are needed to say that something is not there. */
  private tooFew(): string | null {
    const registries = new Map(this.facts.acts.map((fact) => [keyOf(fact.registry), fact.registry.name]));
    const short: string[] = [];
    for (const [key, name] of registries) {
      const have = placesOf(this.answered.filter((fact) => keyOf(fact.registry) === key)).size;
      const need = this.needed(key);
      if (have < need) short.push(`${name} (${have} of ${need} needed)`);
    }
    return short.length > 0 ? `too few nodes answered for ${short.join(', ')}` : null;
  }

  private oneFork(fact: RegistryFacts, one: AnchoredFact): Check {
    const after = one.previous === null ? 'as a first revision' : `after ${one.previous}`;
    let note =
      `${this.name(one.account)} also anchored another root ${after}, in ${fact.registry.name} (told by ` +
      `${fact.source}): two histories of one incident`;
    const here = this.answered.filter((f) => keyOf(f.registry) === keyOf(fact.registry) && f.anchors !== null);
    const against = here.filter((f) => f.anchors!.every((other) => other.root !== one.root));
    if (against.length > 0) {
      note += `; but ${namesOf(against)} knows nothing of it, so one of them lies or lags`;
      return this.check('history.fork', 'unchecked', this.root, one.root, note);
    }
    const have = placesOf(here).size;
    const need = this.needed(keyOf(fact.registry));
    if (have < need) {
      note += `; too few nodes tell of it (${have} of ${need} needed)`;
      return this.check('history.fork', 'unchecked', this.root, one.root, note);
    }
    return this.check('history.fork', 'fail', this.root, one.root, note);
  }

  /** Heads that are neither this revision nor the one before; in the anchor's own registry history is linear. */
  private unclear(fact: RegistryFacts): string[] {
    const own = new Set(
      this.anchors
        .filter((a) => a.proven.place === null)
        .map((a) => `${a.proven.chainId} ${a.proven.genesis} ${a.proven.registry} ${a.proven.publisher}`),
    );
    const known = [this.root, ...(this.header.previous_root !== null ? [this.header.previous_root] : [])];
    return fact.heads
      .filter((head) => !own.has(`${keyOf(fact.registry)} ${head.account}`) && !known.some((root) => root.startsWith(head.rootPrefix)))
      .map(
        (head) =>
          `${fact.registry.name} has ${count(head.ordinal, 'revision')} of ${this.name(head.account)}, the newest ` +
          `${head.rootPrefix.slice(0, 16)}…, which is neither this one nor the one before it; ${fact.source} does not show ` +
          'the events between',
      );
  }

  /** Whose endorsements of what were told of, sorted. */
  private endorsed(): [string, string, string | null][] {
    const seen = new Map<string, [string, string, string | null]>();
    for (const fact of this.answered) {
      for (const one of fact.endorsements) seen.set(repr([one.account, one.root, one.item]), [one.account, one.root, one.item]);
    }
    return [...seen].sort(([a], [b]) => compareText(a, b)).map(([, value]) => value);
  }

  /** Who told of it in registries where enough say that it stands and none says otherwise; and all who told. */
  private weigh(account: string, root: string, item: string | null): [Told[], Told[]] {
    const agreed: Told[] = [];
    const told: Told[] = [];
    for (const [key, here] of grouped(this.answered, (fact) => keyOf(fact.registry))) {
      const found = here.flatMap((fact): Told[] => {
        const one = fact.endorsements.find((e) => e.account === account && e.root === root && e.item === item);
        return one === undefined ? [] : [[fact, one]];
      });
      told.push(...found);
      const first = found[0];
      if (first === undefined || found.length < here.length || !found.every(([, one]) => equal(one, first[1]))) continue;
      const places = placesOf(found.filter(([, one]) => one.withdrawnTime === null).map(([fact]) => fact));
      if (places.size >= this.needed(key)) agreed.push(...found);
    }
    return [agreed, told];
  }

  private name(account: string): string {
    const listed = [...this.policy.endorsers, ...(this.policy.publishers ?? [])].find((k) => k.address === account);
    const name = publisherOf(this.facts.trust, account)?.name ?? listed?.name ?? null;
    return name === null ? account : `${name} (${account})`;
  }

  private check(code: string, status: Status, expected: string | null, found: string | null, note: string): Check {
    return check(code, status, this.subject, { expected, found, note, section: 'origin' });
  }
}

function equal(a: EndorsementFact, b: EndorsementFact): boolean {
  return a.time === b.time && a.withdrawnTime === b.withdrawnTime;
}

function count(number: number, noun: string): string {
  if (number === 1) return `1 ${noun}`;
  return noun.endsWith('y') && noun !== 'key' ? `${number} ${noun.slice(0, -1)}ies` : `${number} ${noun}s`;
}
