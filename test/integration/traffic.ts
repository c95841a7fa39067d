import { Agent, get } from 'node:http';

/** What became of requests at a constant rate. */
export interface Tally {
  readonly answered: number;
  /** Each answer that is not 2xx, and each request without one. */
  readonly failures: readonly string[];
}

/** Requests at a constant rate until they are stopped. */
export interface Traffic {
  /** So far. */
  readonly answered: number;
  /** Sends no more, and awaits what is in flight. */
  stop(): Promise<Tally>;
}

/** One GET; answers the status and the text, or throws. */
export function request(
  url: string,
  options: { readonly agent?: Agent; readonly headers?: Record<string, string> } = {},
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false, ...options }, (reply) => {
      let text = '';
      reply.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      reply.on('end', () => resolve({ status: reply.statusCode ?? 0, text }));
      reply.on('error', reject);
    }).on('error', reject);
  });
}

/** Asks `url` so many times a second: over connections that are kept alive, or over a new one each time. */
export function traffic(url: string, perSecond: number, connections: 'kept' | 'new'): Traffic {
  const agent = connections === 'kept' ? new Agent({ keepAlive: true, maxSockets: 4 }) : undefined;
  const failures: string[] = [];
  const flying = new Set<Promise<void>>();
  let answered = 0;
  const send = async () => {
    try {
      const { status } = await request(url, agent === undefined ? {} : { agent });
      if (status >= 200 && status < 300) answered += 1;
      else failures.push(`${new Date().toISOString()} ${status}`);
    } catch (error) {
      failures.push(`${new Date().toISOString()} ${error}`);
    }
  };
  const timer = setInterval(() => {
    const sent = send().finally(() => flying.delete(sent));
    flying.add(sent);
  }, 1000 / perSecond);
  return {
    get answered() {
      return answered;
    },
    stop: async () => {
      clearInterval(timer);
      await Promise.all(flying);
      agent?.destroy();
      return { answered, failures };
    },
  };
}
