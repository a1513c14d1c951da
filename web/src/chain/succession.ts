/** A signed statement of the key `old` that `new` comes after it. */
export interface Succession {
  readonly old: string;
  readonly new: string;
  readonly signedAt: string;
  readonly signature: string;
}

/** Reads a statement and checks its signature; throws ArchiveError `succession.unknown_format`, `.shape`, `.signature`. */
export function parseSuccession(value: unknown): Succession {
  throw new Error(`not yet ${typeof value}`);
}

/** The keys from a trusted one to `key`, each the only successor that the one before named; null when there is no such line. */
export function lineTo(successions: readonly Succession[], trusted: readonly string[], key: string): readonly string[] | null {
  throw new Error(`not yet ${successions.length} ${trusted.length} ${key}`);
}

/** Every key that statements connect with `key`, before or after it; for looking, not for trusting. */
export function keysOf(successions: readonly Succession[], key: string): readonly string[] {
  throw new Error(`not yet ${successions.length} ${key}`);
}
