/**
 * The browser verifier from a command line, for comparing it with `archive verify` and `archive absent`:
 *
 *     node verifier-cli.mjs BUNDLE [FILE|FOLDER|CAR…] [--trust FILE] [--policy FILE]
 *                           [--rpc URL…] [--quorum K] [--gateway URL…] --json
 *     node verifier-cli.mjs FILE.absent.json [--trust FILE] [--rpc URL…] [--quorum K] --json
 *     node verifier-cli.mjs --serve      one JSON list of such arguments a line in, one JSON line with the answer out
 */
import { readFileSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { ArchiveError } from './errors.ts';
import type { ByteSource } from './format/source.ts';
import type { UnreadableFile } from './verify/facts.ts';
import { compareText } from './verify/python.ts';
import { EXIT_OF_VERDICT } from './verify/outcome.ts';
import { NOTHING, parseTrust } from './verify/trust.ts';
import { type GivenFile, type Named, type Wishes, verify, verifyAbsenceFile } from './verify/verify.ts';

interface Arguments {
  readonly bundle: string;
  readonly files: readonly string[];
  readonly trust: string | null;
  readonly policy: string | null;
  readonly wishes: Wishes;
}

const ABSENCE_SUFFIX = '.absent.json';

/** A file that is read piece by piece; opened anew for each, so that thousands can be given. */
function fileSource(path: string): ByteSource {
  return {
    size: statSync(path).size,
    read: async (start, end) => {
      const handle = await open(path);
      try {
        const buffer = new Uint8Array(Math.max(0, end - start));
        let filled = 0;
        while (filled < buffer.length) {
          const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, start + filled);
          if (bytesRead === 0) break;
          filled += bytesRead;
        }
        return buffer.subarray(0, filled);
      } finally {
        await handle.close();
      }
    },
  };
}

function parse(argv: readonly string[]): Arguments {
  const plain: string[] = [];
  const named: Record<string, string[]> = { '--trust': [], '--policy': [], '--rpc': [], '--quorum': [], '--gateway': [] };
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i]!;
    const values = named[argument];
    if (values !== undefined) values.push(argv[++i] ?? usage());
    else if (!argument.startsWith('--')) plain.push(argument);
    else if (argument !== '--json' && argument !== '--offline') usage();
  }
  const [bundle, ...files] = plain;
  if (bundle === undefined) usage();
  const last = (name: string): string | null => named[name]!.at(-1) ?? null;
  const quorum = last('--quorum');
  if (quorum !== null && !/^[1-9][0-9]?$/.test(quorum)) usage();
  const wishes = { rpc: named['--rpc']!, gateways: named['--gateway']!, quorum: quorum === null ? null : Number(quorum) };
  return { bundle, files, trust: last('--trust'), policy: last('--policy'), wishes };
}

function usage(): never {
  throw new ArchiveError('verify.usage', 'usage: verifier-cli BUNDLE [FILE…] [--trust FILE] [--policy FILE] [--rpc URL] [--quorum K] [--gateway URL] --json');
}

/** Every file below what was named, as Python's verifier lists them; links are named and not followed. */
function list(paths: readonly string[], bundle: string): { files: GivenFile[]; unreadable: UnreadableFile[] } {
  const files: GivenFile[] = [];
  const unreadable: UnreadableFile[] = [];
  const add = (name: string, path: string | null): void => {
    if (realpathSync(name) === realpathSync(bundle)) return;
    files.push({ name, path, full: path ?? resolve(name), source: fileSource(name) });
  };
  const walk = (folder: string, inside: string): void => {
    const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => compareText(a.name, b.name));
    for (const entry of entries) {
      const name = join(folder, entry.name);
      if (entry.isFile()) add(name, inside + entry.name);
      else if (!entry.isDirectory()) {
        unreadable.push({ name, code: 'verify.not_regular_file', message: 'a link or no regular file' });
      }
    }
    for (const entry of entries) if (entry.isDirectory()) walk(join(folder, entry.name), `${inside}${entry.name}/`);
  };
  for (const path of paths) {
    if (statSync(path).isDirectory()) walk(path, '');
    else add(path, null);
  }
  return { files, unreadable };
}

async function run(argv: readonly string[]): Promise<{ readonly exit_code: number; readonly [key: string]: unknown }> {
  try {
    const { bundle, files, trust, policy, wishes } = parse(argv);
    const named = (name: string): Named => ({ name, source: fileSource(name) });
    if (bundle.endsWith(ABSENCE_SUFFIX)) {
      const trusted = trust === null ? NOTHING : parseTrust(new Uint8Array(readFileSync(trust)), trust);
      const report = await verifyAbsenceFile(named(bundle), trusted, wishes);
      return { ...report, exit_code: EXIT_OF_VERDICT[report.verdict] };
    }
    return await verify({
      wishes,
      bundle: named(bundle),
      given: list(files, bundle),
      trust: trust === null ? null : named(trust),
      policy: policy === null ? null : named(policy),
    });
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    return { error: { code: error.code, message: error.message, hint: error.hint ?? null }, exit_code: 1 };
  }
}

/** One answer a line, in the order of the questions; what is a fault of this program is told, and the next is answered. */
async function serve(): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    let answer: object;
    try {
      answer = await run(JSON.parse(line) as string[]);
    } catch (error) {
      answer = { crash: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    }
    process.stdout.write(JSON.stringify(answer) + '\n');
  }
}

const argv = process.argv.slice(2);
if (argv[0] === '--serve') {
  await serve();
} else {
  const answer = await run(argv);
  process.stdout.write(JSON.stringify(answer, null, 2) + '\n');
  process.exitCode = answer.exit_code;
}
