import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../src/server/index.ts';
import { bodyText, httpRequest } from '../support/http-request.ts';

describe('createMetrics', () => {
  it('counts by route, method and status, and reads gauges when asked', async () => {
    let value = 1;
    const metrics = createMetrics([
      { name: 'caisson_thing', help: 'A thing.', read: () => [{ labels: { name: 'a"b\\c\nd' }, value }] },
      { name: 'caisson_plain', help: 'Plain.', read: () => [{ labels: {}, value: 7 }] },
    ]);
    metrics.record({ route: 'blob', method: 'GET', status: 200, bytes: 10 });
    metrics.record({ route: 'blob', method: 'GET', status: 200, bytes: 5 });
    metrics.record({ route: 'blob', method: 'GET', status: 404, bytes: 1 });
    value = 2;
    const lines = (await bodyText(await metrics.handle(httpRequest('/metrics')))).split('\n');
    expect(lines).toContain('caisson_http_requests_total{route="blob",method="GET",status="200"} 2');
    expect(lines).toContain('caisson_http_requests_total{route="blob",method="GET",status="404"} 1');
    expect(lines).toContain('caisson_http_response_bytes_total{route="blob"} 16');
    expect(lines).toContain('caisson_thing{name="a\\"b\\\\c\\nd"} 2');
    expect(lines).toContain('caisson_plain 7');
    expect(lines.at(-1)).toBe('');
  });
});
