/** What is wrong with bytes that were handed in. Codes are those of docs/format.md section 14 and the docs of each part. */
export class ArchiveError extends Error {
  readonly code: string;
  readonly hint: string | undefined;

  constructor(code: string, message: string, hint?: string) {
    super(message);
    this.name = 'ArchiveError';
    this.code = code;
    this.hint = hint;
  }
}

/** A later format may define it: reported as unchecked, never as wrong (docs/format.md, section 14). */
export function isUnknown(error: ArchiveError): boolean {
  return error.code.includes('.unknown_');
}
