import { get } from 'node:http';

/** Results of repeated requests. */
export interface ProbeResult {
  readonly requests: number;
  readonly failed: number;
  /** The longest time between two successful responses, ms. */
  readonly gap: number;
}

/** Time between requests, ms. */
const interval = 5;
const answerTimeout = 1000;

/** Sends a request every 5 ms on a new connection, without waiting for the previous response. */
export class Prober {
  readonly #url: string;
  readonly #timer: NodeJS.Timeout;
  #last = performance.now();
  #gap = 0;
  #requests = 0;
  #failed = 0;

  constructor(url: string) {
    this.#url = url;
    this.#timer = setInterval(() => this.#send(), interval);
  }

  stop(): ProbeResult {
    clearInterval(this.#timer);
    const gap = Math.max(this.#gap, performance.now() - this.#last);
    return { requests: this.#requests, failed: this.#failed, gap };
  }

  #send(): void {
    this.#requests += 1;
    const end = (good: boolean) => {
      if (!good) {
        this.#failed += 1;
        return;
      }
      const now = performance.now();
      this.#gap = Math.max(this.#gap, now - this.#last);
      this.#last = now;
    };
    const request = get(this.#url, { agent: false, timeout: answerTimeout }, (response) => {
      response.resume().on('end', () => end(response.statusCode === 200));
    });
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.on('error', () => end(false));
  }
}

/** Returns the current response of a web server; empty if it fails. */
export function responseOf(url: string): Promise<string> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: answerTimeout }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve(text.trim()));
    });
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.on('error', () => resolve(''));
  });
}
