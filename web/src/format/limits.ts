/** Limits of format 1 (docs/format.md, section 13). Counts are inclusive; sizes are bytes. */
export const MAX_LEAVES = 65_536;
export const MAX_FOLDERS = 65_536;
export const MAX_PATH_BYTES = 1_024;
export const MAX_SEGMENT_BYTES = 255;
export const MAX_MEDIA_TYPE = 255;
export const MAX_HEADER_BYTES = 8 * 1024;
export const MAX_RECORD_BYTES = 4 * 1024 * 1024;
export const MAX_MANIFEST_BYTES = 64 * 1024 * 1024;
export const MAX_BUNDLE_BYTES = 64 * 1024 * 1024;
/** Objects and lists inside each other; a record stands one level down in a bundle. */
export const MAX_DEPTH = 32;
export const MAX_RECORD_DEPTH = MAX_DEPTH - 1;
export const MAX_FILE_BYTES = Number.MAX_SAFE_INTEGER;
/** Anchors of a bundle, and its stamps: each costs the verifier signatures and hashing. */
export const MAX_PROOFS = 64;
/** Lines of a withheld table, and the bytes of one. */
export const MAX_ROWS = 2 ** 40;
export const MAX_LINE_BYTES = 1024 * 1024;
