import { Agent, get } from 'node:http';

/** The results of requests. */
export interface Tally {
  readonly answered: number;
  /** Responses other than 2xx, and requests without a response. */
  readonly failures: readonly string[];
}

/** Requests at a constant rate until they are stopped. */
export interface Traffic {
  /** Responses so far. */
  readonly answered: number;
  /** Stops sending and waits for open requests. */
  stop(): Promise<Tally>;
}

/** Sends a GET request; returns status and body, and rejects without a response. */
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

/** Sends requests at a constant rate, over kept-alive or new connections. */
export function traffic(url: string, perSecond: number, connections: 'kept' | 'new'): Traffic {
  const agent = connections === 'kept' ? new Agent({ keepAlive: true, maxSockets: 4 }) : undefined;
  const failures: string[] = [];
  const inFlight = new Set<Promise<void>>();
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
    const sent = send().finally(() => inFlight.delete(sent));
    inFlight.add(sent);
  }, 1000 / perSecond);
  return {
    get answered() {
      return answered;
    },
    stop: async () => {
      clearInterval(timer);
      await Promise.all(inFlight);
      agent?.destroy();
      return { answered, failures };
    },
  };
}
