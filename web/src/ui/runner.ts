/** The worker: made from the script that the page carries, ended at once by `cancel`. */
import type { Failure, FromWorker, Job, Result } from './protocol.ts';

/** The worker ended before it answered. */
const BROKEN: Failure = { code: null, message: '', hint: null };

export type Progress = Extract<FromWorker, { kind: 'progress' }>;

export interface Watcher {
  progress(told: Progress): void;
  done(result: Result): void;
  failed(failure: Failure): void;
}

export class Runner {
  private worker: Worker | null = null;
  private watcher: Watcher | null = null;
  private waiting: ((failure: Failure | null) => void)[] = [];
  private readonly source: () => string;

  constructor(source: () => string) {
    this.source = source;
  }

  start(job: Job, watcher: Watcher): void {
    this.watcher = watcher;
    this.open().postMessage(job);
  }

  /** What is wrong with a trust file, null for nothing. */
  checkTrust(data: Uint8Array): Promise<Failure | null> {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      this.open().postMessage({ kind: 'trust', data });
    });
  }

  /** Nothing that was begun is finished: the worker, with all it holds, is gone. */
  cancel(): void {
    this.worker?.terminate();
    this.worker = null;
    this.watcher = null;
    for (const resolve of this.waiting.splice(0)) resolve(BROKEN);
  }

  private open(): Worker {
    if (this.worker) return this.worker;
    const url = URL.createObjectURL(new Blob([this.source()], { type: 'text/javascript' }));
    const worker = new Worker(url);
    // Chromium reads the script after this turn.
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
    worker.onmessage = (event: MessageEvent<FromWorker>) => this.hear(event.data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.crash();
    };
    worker.onmessageerror = () => this.crash();
    this.worker = worker;
    return worker;
  }

  private hear(message: FromWorker): void {
    if (message.kind === 'trust') return this.waiting.shift()?.(message.failure);
    if (message.kind === 'progress') return this.watcher?.progress(message);
    const watcher = this.watcher;
    this.watcher = null;
    if (message.kind === 'report') watcher?.done(message.result);
    else watcher?.failed(message.failure);
  }

  private crash(): void {
    const watcher = this.watcher;
    this.cancel();
    watcher?.failed(BROKEN);
  }
}
