import { messageOf } from '../../core/index.ts';
import { getJson, type Condition } from '../../health/index.ts';
import type { Declared } from '../../plan/index.ts';
import { SITE_AUTHORITY } from '../../site/index.ts';

/** Condition that the depot serves exactly this bundle. Asks over TLS and trusts only the authority of the site. */
export function depotAnswers({ supply, seed }: Pick<Declared, 'supply' | 'seed'>): Condition {
  const { bundle, depot } = supply;
  return {
    description: `the depot serves ${bundle.manifest.name} ${bundle.manifest.version}`,
    look: async (signal) => {
      try {
        const authority = await (await seed.keys.authority(SITE_AUTHORITY)).read();
        const answer = await getJson(`https://127.0.0.1:${depot.port}/healthz`, { authority, signal });
        const served = JSON.stringify(answer);
        return { met: served.includes(bundle.bundleDigest), detail: `it answers ${served.slice(0, 200)}` };
      } catch (error) {
        return { met: false, detail: messageOf(error) };
      }
    },
  };
}
