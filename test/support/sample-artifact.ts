import { digestOf } from '../../src/core/index.ts';
import { OCI_MANIFEST, type Descriptor } from '../../src/oci/index.ts';
import type { SampleDocument } from './sample-image.ts';

export interface SampleArtifact {
  /** Of the configuration; that of the empty one by default, whose content is {}. */
  readonly configType?: string;
  readonly config?: string;
  readonly artifactType?: string;
  /** Content of layers by the name of the file, as oras has it. */
  readonly files: Readonly<Record<string, string>>;
  readonly layerType?: string;
  readonly subject?: Descriptor;
}

/** An artifact as `oras push` (image-spec manifest.md, Guidelines for Artifact Usage) or `helm push` makes it. */
export function sampleArtifact({
  configType = 'application/vnd.oci.empty.v1+json',
  config = '{}',
  artifactType,
  files,
  layerType = 'application/octet-stream',
  subject,
}: SampleArtifact): SampleDocument {
  const layers = Object.entries(files).map(([title, text]) => ({
    bytes: Buffer.from(text),
    annotations: { 'org.opencontainers.image.title': title },
  }));
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      ...(artifactType === undefined ? {} : { artifactType }),
      config: { mediaType: configType, digest: digestOf(config), size: config.length, data: Buffer.from(config).toString('base64') },
      layers: layers.map(({ bytes: content, annotations }) => ({
        mediaType: layerType,
        digest: digestOf(content),
        size: content.length,
        annotations,
      })),
      ...(subject === undefined ? {} : { subject }),
    }),
  );
  const descriptor = { mediaType: OCI_MANIFEST, digest: digestOf(bytes), size: bytes.length };
  const blobs = [Buffer.from(config), ...layers.map(({ bytes: content }) => content)];
  return {
    descriptor,
    bytes,
    blobs: new Map(blobs.map((content) => [digestOf(content), content])),
    documents: new Map([[descriptor.digest, OCI_MANIFEST]]),
  };
}
