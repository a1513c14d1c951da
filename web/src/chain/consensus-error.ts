import { ArchiveError } from '../errors.ts';

/** Why votes do not show a block final: `wrong` fails the check; where nothing is wrong but not known here, it is unchecked. */
export class ChainError extends ArchiveError {
  readonly wrong: boolean;

  constructor(wrong: boolean, rule: string, message: string, hint?: string) {
    super(`consensus.${rule}`, message, hint);
    this.wrong = wrong;
  }

  static wrong(rule: string, message: string): ChainError {
    return new ChainError(true, rule, message);
  }

  static unknown(rule: string, message: string, hint?: string): ChainError {
    return new ChainError(false, rule, message, hint);
  }
}
