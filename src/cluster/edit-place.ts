import { readYaml, setYamlValue } from '../io/index.ts';
import { isMap } from './options.ts';

/**
 * Returns the text of cluster.yaml with a component on another node. All other bytes stay. Whether the node may run it is not
 * checked here. Throws InvalidInputError for a text that cannot be edited in place.
 */
export function setPlace(content: string, file: string, component: string, host: string): string {
  const { value } = readYaml(content, file);
  const place = isMap(value) ? value['place'] : undefined;
  if (!isMap(place)) return setYamlValue(content, file, ['place'], { [component]: host });
  return place[component] === host ? content : setYamlValue(content, file, ['place', component], host);
}
