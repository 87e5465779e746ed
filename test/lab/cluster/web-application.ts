export interface WebApplicationChoices {
  /** `wished`: on hosts of their own where there are several; `always`: one pod waits where there are not. */
  readonly apart: 'wished' | 'always';
  /** True for an owner who looks after it: a budget for disruptions, and time for its connections at the end. */
  readonly isGuarded?: boolean;
}

/**
 * The manifests that a person who runs applications would write: the Deployment `web` of two pods with an image that has a shell and
 * busybox, each of which answers with its name, behind a service that every host has on port 30080.
 */
export function webApplication(image: string, { apart, isGuarded = false }: WebApplicationChoices): string {
  const term = '{ topologyKey: kubernetes.io/hostname, labelSelector: { matchLabels: { app: web } } }';
  const affinity =
    apart === 'always'
      ? `requiredDuringSchedulingIgnoredDuringExecution: [${term}]`
      : `preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: ${term} }]`;
  return `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      affinity:
        podAntiAffinity:
          ${affinity}
      containers:
        - name: web
          image: ${image}
          command: [/bin/sh, -c, 'mkdir -p /www && hostname > /www/index.html && trap "exit 0" TERM; busybox httpd -f -p 8080 -h /www & wait']
          ports: [{ containerPort: 8080 }]
          readinessProbe: { httpGet: { path: /, port: 8080 }${isGuarded ? ', periodSeconds: 1' : ''} }
${isGuarded ? "          lifecycle: { preStop: { exec: { command: [/bin/sleep, '5'] } } }\n" : ''}---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { type: NodePort, selector: { app: web }, ports: [{ port: 80, targetPort: 8080, nodePort: 30080 }] }
${isGuarded ? BUDGET : ''}`;
}

const BUDGET = `---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: web }
spec: { minAvailable: 1, selector: { matchLabels: { app: web } } }
`;
