import { pushImage } from './push-image.ts';
import type { Site } from './site.ts';

/** Where the components with data stand, and a node that may push an image. */
export interface DataPlaces {
  /** Node of the database, of etcd and of the registry. */
  readonly manager: string;
  readonly pusher: string;
}

/** What is in the cluster's database, its etcd and its registry. */
export interface KeptData {
  readonly rows: string;
  readonly keys: string;
  /** Digest of the manifest in the registry, by name of the image. */
  readonly digests: Readonly<Record<string, string>>;
}

const IMAGES: Readonly<Record<string, string>> = {
  'goodrain.me/lab/first:1': 'goodrain.me/rbd-dns:latest',
  'goodrain.me/lab/second:1': 'goodrain.me/rbd-gateway:v5.1.11-release',
};
const ROWS = 200;
const KEYS = 50;
const PASSWORD = '/var/lib/caisson/secrets/db-root';

/** Writes rows, keys and images into the components that keep data. */
export async function writeData(site: Site, places: DataPlaces): Promise<void> {
  const rows = Array.from({ length: ROWS }, (_, index) => `(${index}, 'word ${index * index}')`).join(', ');
  await query(
    site,
    places,
    `CREATE DATABASE lab; CREATE TABLE lab.kept (id INT PRIMARY KEY, word VARCHAR(40)); INSERT INTO lab.kept VALUES ${rows}`,
  );
  const put = 'for number in $(seq "$1"); do echo "put lab/$number value-$((number * number))"; done | xargs -L 1 docker exec etcd etcdctl';
  await site.bash(places.manager, put, String(KEYS));
  for (const [name, image] of Object.entries(IMAGES)) {
    await pushImage(site, places.pusher, image, name);
    await site.bash(places.pusher, 'docker rmi "$1"', name);
  }
}

/** Deletes half of the rows, all keys, and writes rows that were not there. */
export async function spoilData(site: Site, places: DataPlaces): Promise<void> {
  await query(
    site,
    places,
    `DELETE FROM lab.kept WHERE id % 2 = 1; INSERT INTO lab.kept VALUES (${ROWS}, 'too late'); CREATE DATABASE late`,
  );
  await site.bash(places.manager, 'docker exec etcd etcdctl del --prefix lab/ && docker exec etcd etcdctl put lab/late value');
}

/** Reads everything back; the images are pulled by one node after the other, as a client of the registry would. */
export async function readData(site: Site, places: DataPlaces, pullers: readonly string[]): Promise<KeptData> {
  const rows = await query(site, places, 'SELECT * FROM lab.kept ORDER BY id');
  const keys = await site.bash(places.manager, 'docker exec etcd etcdctl get --prefix lab/');
  const digests: Record<string, string> = {};
  for (const name of Object.keys(IMAGES)) {
    const pulled = await Promise.all(
      pullers.map((node) => site.bash(node, 'docker pull "$1" | sed -n "s/^Digest: //p"; docker rmi "$1" > /dev/null', name)),
    );
    digests[name] = [...new Set(pulled)].join(' and ');
  }
  return { rows, keys, digests };
}

/** Asks the database with the password that the seed keeps. */
async function query(site: Site, { manager }: DataPlaces, sql: string): Promise<string> {
  const password = await site.bash(site.seed, 'cat "$1"', PASSWORD);
  const script =
    'docker exec -i rbd-db mariadb --defaults-extra-file=/dev/stdin --host="$1" --user=root --batch --skip-column-names -e "$2"';
  const parameters = [site.address(manager), sql];
  const { status, stdout, stderr } = await site.try(manager, script, { input: `[client]\npassword=${password}\n`, parameters });
  if (status !== 0) throw new Error(`The database refuses: ${stderr}`);
  return stdout;
}
