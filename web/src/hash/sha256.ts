/**
 * SHA-256: in one go, streamed, and as fast as the browser can. Streamed in WebAssembly where it may be used, else by
 * noble; the browser's own code takes whole messages only.
 */
import { sha256 as noble } from '@noble/hashes/sha2.js';
import { BLOCK_BYTES, CONSTANTS, CONSTANTS_AT, DATA_AT, DATA_BYTES, INITIAL_STATE, STATE_AT, kernelModule } from './kernel.ts';

/** Below this, to go into WebAssembly and back costs more than it brings. */
const SMALL_BYTES = 4096;

export interface Sha256 {
  update(data: Uint8Array): void;
  /** 32 bytes; nothing may follow. */
  digest(): Uint8Array;
}

/** SHA-256 of bytes in memory, 32 bytes, at once. */
export function sha256(data: Uint8Array): Uint8Array {
  if (data.length < SMALL_BYTES) return noble(data);
  const hash = createSha256();
  hash.update(data);
  return hash.digest();
}

/** SHA-256 of bytes in memory by the browser's own code, on another thread, where it has that (secure contexts). */
export async function sha256Async(data: Uint8Array): Promise<Uint8Array> {
  const subtle = globalThis.crypto?.subtle;
  return subtle ? new Uint8Array(await subtle.digest('SHA-256', data as Uint8Array<ArrayBuffer>)) : sha256(data);
}

/** A streamed SHA-256. */
export function createSha256(): Sha256 {
  kernel ??= loadKernel();
  return kernel ? new WasmSha256(kernel) : noble.create();
}

/** Whether files are hashed by WebAssembly here, or in JavaScript and slower. */
export function isFast(): boolean {
  kernel ??= loadKernel();
  return kernel !== null;
}

/** For a thread of its own: the module, and the beginning of its memory for a new hash. Null without WebAssembly. */
export function kernelStart(): { readonly module: WebAssembly.Module; readonly start: Uint8Array } | null {
  kernel ??= loadKernel();
  if (!kernel) return null;
  kernel.words.set(INITIAL_STATE, STATE_AT / 4);
  return { module: kernel.module, start: kernel.bytes.slice(0, DATA_AT) };
}

/** Goes on with a hash after `length` bytes, whole blocks, from the state as it stands in memory: 32 bytes. */
export function resumeSha256(state: Uint8Array<ArrayBuffer>, length: number): Sha256 {
  kernel ??= loadKernel();
  if (!kernel) throw new Error('a state of WebAssembly without WebAssembly');
  return new WasmSha256(kernel, new Uint32Array(state.slice().buffer), length);
}

interface Kernel {
  readonly module: WebAssembly.Module;
  compress(data: number, blocks: number): void;
  readonly words: Uint32Array;
  readonly bytes: Uint8Array;
}

// undefined: not tried yet; null: not to be had. One for all hashes: each brings its own state, and none is interrupted.
let kernel: Kernel | null | undefined;

function loadKernel(): Kernel | null {
  try {
    const module = new WebAssembly.Module(kernelModule());
    const { exports } = new WebAssembly.Instance(module);
    const { buffer } = exports['memory'] as WebAssembly.Memory;
    const words = new Uint32Array(buffer);
    CONSTANTS.forEach((constant, t) => words.fill(constant, CONSTANTS_AT / 4 + 4 * t, CONSTANTS_AT / 4 + 4 * t + 4));
    return { module, compress: exports['compress'] as Kernel['compress'], words, bytes: new Uint8Array(buffer) };
  } catch {
    // No WebAssembly, none with vectors, not allowed by the page's policy, or (long ago) not at once on the main thread.
    return null;
  }
}

class WasmSha256 implements Sha256 {
  readonly #kernel: Kernel;
  readonly #state: Uint32Array;
  /** What did not fill a block yet. */
  readonly #open = new Uint8Array(BLOCK_BYTES);
  #openBytes = 0;
  #length: number;

  constructor(kernel: Kernel, state = INITIAL_STATE.slice(), length = 0) {
    this.#kernel = kernel;
    this.#state = state;
    this.#length = length;
  }

  update(data: Uint8Array): void {
    this.#length += data.length;
    const { bytes } = this.#kernel;
    for (let at = 0; at < data.length; ) {
      const part = data.subarray(at, at + DATA_BYTES - this.#openBytes);
      const filled = this.#openBytes + part.length;
      const whole = filled - (filled % BLOCK_BYTES);
      if (whole === 0) {
        this.#open.set(part, this.#openBytes);
      } else {
        bytes.set(this.#open.subarray(0, this.#openBytes), DATA_AT);
        bytes.set(part, DATA_AT + this.#openBytes);
        this.#compress(whole / BLOCK_BYTES);
        this.#open.set(part.subarray(part.length - (filled - whole)));
      }
      this.#openBytes = filled - whole;
      at += part.length;
    }
  }

  digest(): Uint8Array {
    const blocks = this.#openBytes + 9 > BLOCK_BYTES ? 2 : 1;
    const end = new Uint8Array(blocks * BLOCK_BYTES);
    end.set(this.#open.subarray(0, this.#openBytes));
    end[this.#openBytes] = 0x80;
    new DataView(end.buffer).setBigUint64(end.length - 8, BigInt(this.#length) * 8n);
    this.#kernel.bytes.set(end, DATA_AT);
    this.#compress(blocks);
    const digest = new Uint8Array(32);
    const view = new DataView(digest.buffer);
    this.#state.forEach((word, i) => view.setUint32(4 * i, word));
    return digest;
  }

  #compress(blocks: number): void {
    const { compress, words } = this.#kernel;
    words.set(this.#state, STATE_AT / 4);
    compress(DATA_AT, blocks);
    this.#state.set(words.subarray(STATE_AT / 4, STATE_AT / 4 + 8));
  }
}
