/** What the user gave: files by drop, button or link, each with the part it plays. */
export type Role = 'bundle' | 'other' | 'car' | 'file' | 'trust' | 'policy' | 'reveal' | 'absence';

/** A file and where it lay: `folder` is the name of the dropped folder and `path` its place inside, both null for a single file. */
export interface Found {
  /** The whole place of a fetched file, by which it is recognised. */
  readonly place?: string;
  readonly file: File;
  readonly folder: string | null;
  readonly path: string | null;
}

export interface Given extends Found {
  readonly id: number;
  /** As the user knows it: `folder/evidence/a.csv`, or the bare name. */
  readonly name: string;
  readonly role: Role;
  /** A trust file or policy decides what the reader believes, so it counts only once the reader said that it is their own. */
  readonly mine: boolean;
}

export const MAX_FILES = 200_000;
const MAX_PEEK_BYTES = 4 * 1024 * 1024;
const MAX_BUNDLE_BYTES = 64 * 1024 * 1024;
const CAR_START = [0x3a, 0xa2, 0x65, 0x72, 0x6f, 0x6f, 0x74, 0x73];
const FORMATS: readonly (readonly [RegExp, Role])[] = [
  [/"format"\s*:\s*"incident-archive-trust\//, 'trust'],
  [/"format"\s*:\s*"incident-archive-policy\//, 'policy'],
  [/"format"\s*:\s*"incident-archive-absence\//, 'absence'],
];

export class TooManyFiles extends Error {}

/** What a drop hands out. A page opened from a file cannot read entries in Chromium, and other browsers have no handles. */
interface Dropped {
  readonly handle: Promise<FileSystemHandle | null> | undefined;
  readonly entry: FileSystemEntry | null;
  readonly file: File | null;
}
type WithHandle = DataTransferItem & { getAsFileSystemHandle?: () => Promise<FileSystemHandle | null> };

/** Everything in a drop: files, and what lies below dropped folders. Must be called while the event is handled. */
export async function dropped(transfer: DataTransfer): Promise<Found[]> {
  const items = [...transfer.items].filter((item) => item.kind === 'file');
  const taken = items.map((item: WithHandle): Dropped => ({
    handle: item.getAsFileSystemHandle?.(),
    entry: item.webkitGetAsEntry(),
    file: item.getAsFile(),
  }));
  const found: Found[] = [];
  for (const { handle, entry, file } of taken) {
    const held = await handle?.catch(() => null);
    if (held?.kind === 'directory') await walk(held.name, null, () => inHandle(held as FileSystemDirectoryHandle), found);
    else if (entry?.isDirectory) await walk(entry.name, null, () => inEntry(entry as FileSystemDirectoryEntry), found);
    else if (file) found.push({ file, folder: null, path: null });
  }
  return found;
}

interface Child {
  readonly name: string;
  /** What is in it, of a folder; null of a file. */
  readonly inside: (() => Promise<Child[]>) | null;
  readonly file: () => Promise<File>;
}

async function walk(folder: string, path: string | null, inside: () => Promise<Child[]>, found: Found[]): Promise<void> {
  const children = (await inside()).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const child of children) {
    if (found.length >= MAX_FILES) throw new TooManyFiles();
    const place = path === null ? child.name : `${path}/${child.name}`;
    if (child.inside) await walk(folder, place, child.inside, found);
    else found.push({ file: await child.file(), folder, path: place });
  }
}

async function inHandle(handle: FileSystemDirectoryHandle): Promise<Child[]> {
  const children: Child[] = [];
  for await (const child of (handle as FileSystemDirectoryHandle & { values(): AsyncIterable<FileSystemHandle> }).values()) {
    const inside = child.kind === 'directory' ? () => inHandle(child as FileSystemDirectoryHandle) : null;
    children.push({ name: child.name, inside, file: () => (child as FileSystemFileHandle).getFile() });
  }
  return children;
}

async function inEntry(entry: FileSystemDirectoryEntry): Promise<Child[]> {
  const reader = entry.createReader();
  const children: Child[] = [];
  for (;;) {
    // A directory is read in parts of at most a hundred.
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) return children;
    for (const child of part) {
      const inside = child.isDirectory ? () => inEntry(child as FileSystemDirectoryEntry) : null;
      children.push({
        name: child.name,
        inside,
        file: () => new Promise((resolve, reject) => (child as FileSystemFileEntry).file(resolve, reject)),
      });
    }
  }
}

/** Files of an input; those of a folder carry their path from it. */
export function picked(files: Iterable<File>): Found[] {
  const found = [...files].map((file) => {
    const [folder, ...rest] = file.webkitRelativePath.split('/');
    return file.webkitRelativePath ? { file, folder: folder!, path: rest.join('/') } : { file, folder: null, path: null };
  });
  if (found.length > MAX_FILES) throw new TooManyFiles();
  return found;
}

/** The part a file plays, by its name and, where that does not tell, by how it begins. */
async function roleOf({ file, path }: Found): Promise<Role> {
  if (file.name.endsWith('.proof.json')) return 'bundle';
  if (file.name.endsWith('.reveal.json')) return 'reveal';
  // Inside a folder anything else is a file of the package: what decides whom to believe is never taken from there.
  if (path !== null) return 'file';
  if (file.name.endsWith('.absent.json')) return 'absence';
  if (file.name.endsWith('.car')) {
    const start = new Uint8Array(await file.slice(0, CAR_START.length).arrayBuffer());
    return CAR_START.every((byte, i) => start[i] === byte) ? 'car' : 'file';
  }
  if (!file.name.endsWith('.json')) return 'file';
  const text = await file.slice(0, MAX_PEEK_BYTES).text();
  const told = FORMATS.find(([pattern]) => pattern.test(text));
  if (told) return told[1];
  const mayBe = /^\s*\{"anchors":/.test(text) && file.size <= MAX_BUNDLE_BYTES;
  return mayBe && /"format"\s*:\s*"incident-archive-proof\//.test(await file.text()) ? 'bundle' : 'file';
}

/** The list of what was given. The first bundle is the one that is checked; the same file again replaces itself. */
export class GivenList {
  private items: readonly Given[] = [];
  private next = 1;

  get all(): readonly Given[] {
    return this.items;
  }

  of(...roles: Role[]): readonly Given[] {
    return this.items.filter((item) => roles.includes(item.role));
  }

  /** Returns the names of those that could not be read. */
  async add(found: readonly Found[]): Promise<string[]> {
    const unreadable: string[] = [];
    const added: Given[] = [];
    for (const one of found) {
      const name = one.path === null ? (one.place ?? one.file.name) : `${one.folder}/${one.path}`;
      try {
        added.push({ ...one, id: this.next++, name, role: await roleOf(one), mine: false });
      } catch {
        unreadable.push(name);
      }
    }
    if (this.items.length + added.length > MAX_FILES) throw new TooManyFiles();
    const key = (item: Given): string => `${item.folder === null ? '' : '/'}${item.name}`;
    const again = new Set(added.map(key));
    this.set([...this.items.filter((item) => !again.has(key(item))), ...added]);
    return unreadable;
  }

  remove(id: number): void {
    this.set(this.items.filter((item) => item.id !== id));
  }

  clear(): void {
    this.items = [];
  }

  setMine(id: number, mine: boolean): void {
    const chosen = this.items.find((item) => item.id === id);
    // One trust file and one policy at a time.
    this.items = this.items.map((item) =>
      item.id === id ? { ...item, mine } : mine && item.role === chosen?.role ? { ...item, mine: false } : item,
    );
  }

  /** Makes this bundle the one that is checked. */
  choose(id: number): void {
    const first = this.items.filter((item) => item.id === id);
    this.set([...first, ...this.items.filter((item) => item.id !== id)]);
  }

  private set(items: readonly Given[]): void {
    let bundles = 0;
    this.items = items.map((item) =>
      item.role === 'bundle' || item.role === 'other' ? { ...item, role: bundles++ === 0 ? 'bundle' : 'other' } : item,
    );
  }
}
