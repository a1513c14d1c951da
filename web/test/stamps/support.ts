import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../vectors.ts';

/** The DER of the first certificate of a PEM text. */
export function pemToDer(pem: string): Uint8Array {
  const body = /-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----/.exec(pem)![1]!;
  return new Uint8Array(Buffer.from(body, 'base64'));
}

/** The DER of every certificate of a file of them. */
export function pemsToDer(file: Uint8Array): Uint8Array[] {
  return new TextDecoder().decode(file).match(/-----BEGIN[^-]*-----[^-]*-----END/g)!.map((part) => pemToDer(`${part} CERTIFICATE-----`));
}

/** The folder of real vectors beside the project, or why it is not there. */
export function shared(name: string): { folder: string; missing: false | string } {
  const folder = join(ROOT, '..', 'shared', 'vectors', name);
  return { folder, missing: existsSync(folder) ? false : `${folder} is not there: real vectors are kept beside the project` };
}

export function bytesOf(...parts: string[]): Uint8Array {
  return new Uint8Array(readFileSync(join(...parts)));
}
