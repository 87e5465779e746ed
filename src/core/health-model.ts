/** The ways to probe a service: a URL, a TCP port, or a command. Manifests and service definitions use these words. */
export const HEALTH_MODELS = ['http', 'tcp', 'cmd'] as const;
export type HealthModel = (typeof HEALTH_MODELS)[number];

export function isHealthModel(text: string): text is HealthModel {
  return HEALTH_MODELS.some((model) => model === text);
}
