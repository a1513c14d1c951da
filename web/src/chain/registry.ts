/** An entry of the registry: `tag` 19 bytes, `time` in seconds since 1970, `ordinal` from 1. */
export interface Entry {
  readonly tag: Uint8Array;
  readonly time: number;
  readonly block: number;
  readonly ordinal: number;
  readonly flags: number;
}

/** The latest of a publisher's history: first 29 bytes of its root, and how many revisions. */
export interface Head {
  readonly rootPrefix: Uint8Array;
  readonly ordinal: number;
}

/** keccak256 of the incident's id, `0x` + hex. */
export function incidentKey(incident: string): string {
  throw new Error(`not yet ${incident}`);
}

/** The batch root that a package's place leads to; throws ArchiveError `merkle.index`, `merkle.path_length`. */
export function batchRoot(
  member: { readonly incidentKey: string; readonly root: string; readonly contentDigest: string },
  place: { readonly path: readonly Uint8Array[]; readonly index: number; readonly count: number },
): string {
  throw new Error(`not yet ${member.root} ${place.index}`);
}
