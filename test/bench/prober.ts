import { get } from 'node:http';

/** What a client saw that asked again and again. */
export interface ProbeResult {
  readonly requests: number;
  readonly failed: number;
  /** The longest time between two good answers, in ms. */
  readonly gap: number;
}

/** ms */
const interval = 5;
const answerTimeout = 1000;

/** Asks a web server every 5 ms, whether or not it has answered before, on a new connection each time. */
export class Prober {
  readonly #url: string;
  readonly #timer: NodeJS.Timeout;
  #last = performance.now();
  #gap = 0;
  #requests = 0;
  #failed = 0;

  constructor(url: string) {
    this.#url = url;
    this.#timer = setInterval(() => this.#ask(), interval);
  }

  stop(): ProbeResult {
    clearInterval(this.#timer);
    const gap = Math.max(this.#gap, performance.now() - this.#last);
    return { requests: this.#requests, failed: this.#failed, gap };
  }

  #ask(): void {
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

/** The text that a web server answers with now; empty when it does not. */
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
