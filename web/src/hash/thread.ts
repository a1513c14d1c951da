/**
 * SHA-256 of one long stream in a thread of its own, so that reading and the hashes of the chunks go on beside it. The
 * stream can be hashed only from its start to its end: nothing else about a file takes as long.
 */
import { DATA_AT, DATA_BYTES, STATE_AT } from './kernel.ts';

/** What the thread runs. Made into text: it may use nothing but what is inside it. */
function inThread(dataAt: number, dataBytes: number, stateAt: number): void {
  let compress: (data: number, blocks: number) => void;
  let memory: Uint8Array;
  self.onmessage = ({ data }: MessageEvent) => {
    if (data.module) {
      const { exports } = new WebAssembly.Instance(data.module);
      compress = exports['compress'] as typeof compress;
      memory = new Uint8Array((exports['memory'] as WebAssembly.Memory).buffer);
      // Constants and first state.
      memory.set(data.start);
      self.postMessage({ ready: true });
    } else if (data.buffer) {
      for (let at = 0; at < data.length; at += dataBytes) {
        const part = new Uint8Array(data.buffer, at, Math.min(dataBytes, data.length - at));
        memory.set(part, dataAt);
        compress(dataAt, part.length / 64);
      }
      (self as unknown as Worker).postMessage({ buffer: data.buffer }, [data.buffer]);
    } else {
      self.postMessage({ state: memory.slice(stateAt, stateAt + 32) });
    }
  };
}

interface FromThread {
  readonly ready?: true;
  readonly buffer?: ArrayBuffer;
  readonly state?: Uint8Array<ArrayBuffer>;
}

export class HashThread {
  readonly #worker: Worker;
  #resolve: (told: FromThread) => void = () => undefined;
  /** Rejects when the thread breaks down: buffers that it has do not come back then. */
  readonly broken: Promise<never>;

  private constructor(worker: Worker, onBuffer: (buffer: ArrayBuffer) => void) {
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<FromThread>) => {
      if (data.buffer) onBuffer(data.buffer);
      else this.#resolve(data);
    };
    this.broken = new Promise((_, reject) => {
      const fail = (event: Event) => {
        event.preventDefault();
        reject(new Error('the thread that hashes has broken down'));
      };
      worker.onerror = fail;
      worker.onmessageerror = fail;
    });
    // It is raced against what is waited for: alone it is no news.
    this.broken.catch(() => undefined);
  }

  /**
   * A thread that has begun a hash; null where there can be none. `start` is the beginning of the memory. Each buffer
   * comes back through `onBuffer` when it was hashed.
   */
  static async open(
    module: WebAssembly.Module, start: Uint8Array, onBuffer: (buffer: ArrayBuffer) => void,
  ): Promise<HashThread | null> {
    if (typeof Worker === 'undefined') return null;
    const script = `(${inThread})(${DATA_AT}, ${DATA_BYTES}, ${STATE_AT})`;
    const url = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
    let thread: HashThread | undefined;
    try {
      thread = new HashThread(new Worker(url), onBuffer);
      await thread.#ask({ module, start });
      return thread;
    } catch {
      // Not allowed by the page's policy, or not known to this browser inside a worker: it is done without.
      thread?.close();
      return null;
    } finally {
      URL.revokeObjectURL(url);
    }
  }

  /** Hashes the first `length` bytes of a buffer, a multiple of 64. The buffer is gone until it comes back. */
  update(buffer: ArrayBuffer, length: number): void {
    this.#worker.postMessage({ buffer, length }, [buffer]);
  }

  /** The state after all that was sent, as it stands in memory: 32 bytes. */
  async state(): Promise<Uint8Array<ArrayBuffer>> {
    return (await this.#ask({})).state!;
  }

  close(): void {
    this.#worker.terminate();
  }

  #ask(message: object): Promise<FromThread> {
    const answer = new Promise<FromThread>((resolve) => (this.#resolve = resolve));
    this.#worker.postMessage(message);
    return Promise.race([answer, this.broken]);
  }
}
