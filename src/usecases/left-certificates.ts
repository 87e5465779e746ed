import type { Session } from './session.ts';

/**
 * A line for each host that is let go without being connected and that has certificates of an authority of the platform: they
 * stay good until they end. The certificate of a node itself opens nothing.
 */
export function leftCertificates({ forgotten, record, topology }: Pick<Session, 'forgotten' | 'record' | 'topology'>): readonly string[] {
  return [...forgotten].flatMap((host) => {
    const owners = new Set((record?.hosts[host]?.owned ?? []).filter(({ kind }) => kind === 'certificate').map(({ owner }) => owner));
    const certificates = [...owners].flatMap((owner) => topology.manifests.components.get(owner)?.certificates ?? []);
    const authorities = [...new Set(certificates.map(({ authority }) => authority))].sort();
    return authorities.map(
      (authority) =>
        `"${host}" keeps certificates of authority "${authority}", which are good until they end; where that machine is in other hands: caisson certificates rotate ${authority}`,
    );
  });
}
