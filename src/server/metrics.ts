import type { Exchange } from './listener.ts';
import type { Handler, HttpResponse } from './message.ts';

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Samples of one name. Counters have names that end in `_total`. */
export interface MetricFamily {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** A gauge that is read when the metrics are asked for. */
export interface Gauge {
  readonly name: string;
  readonly help: string;
  read(): readonly Sample[] | Promise<readonly Sample[]>;
}

export interface Metrics {
  readonly record: (exchange: Exchange) => void;
  /** Answers in the Prometheus text format, version 0.0.4. */
  readonly handle: Handler;
}

/** Counters of requests and body bytes by route, and the gauges given. The number of series is bounded by the routes. */
export function createMetrics(gauges: readonly Gauge[]): Metrics {
  const requests = new Map<string, Exchange & { count: number }>();
  const bytes = new Map<string, number>();
  const requestSamples = (): Sample[] =>
    [...requests.values()].map(({ route, method, status, count }) => ({ labels: { route, method, status: String(status) }, value: count }));
  const byteSamples = (): Sample[] => [...bytes].map(([route, value]) => ({ labels: { route }, value }));
  return {
    record(exchange) {
      const { route, method, status } = exchange;
      const key = `${route} ${method} ${status}`;
      const known = requests.get(key);
      if (known === undefined) requests.set(key, { ...exchange, count: 1 });
      else known.count += 1;
      bytes.set(route, (bytes.get(route) ?? 0) + exchange.bytes);
    },
    handle: async () =>
      metricsResponse([
        {
          name: 'caisson_http_requests_total',
          type: 'counter',
          help: 'Requests by route, method and status.',
          samples: requestSamples(),
        },
        {
          name: 'caisson_http_response_bytes_total',
          type: 'counter',
          help: 'Body bytes of finished responses by route.',
          samples: byteSamples(),
        },
        ...(await Promise.all(
          gauges.map(async (gauge): Promise<MetricFamily> => ({ ...gauge, type: 'gauge', samples: await gauge.read() })),
        )),
      ]),
  };
}

/** The Prometheus text format, version 0.0.4. */
export function metricsResponse(families: readonly MetricFamily[]): HttpResponse {
  return {
    status: 200,
    headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
    body: [...families.flatMap(linesOf), ''].join('\n'),
  };
}

function linesOf({ name, type, help, samples }: MetricFamily): string[] {
  const lines = samples.map(({ labels, value }) => `${name}${labelText(labels)} ${value}`);
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines];
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value.replace(/["\\]/g, '\\$&').replace(/\n/g, '\\n')}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}
