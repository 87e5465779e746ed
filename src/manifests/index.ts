/**
 * Manifests that platform authors write: platform, roles, components and operating systems, with their templates. They
 * are parsed strictly and checked against each other, and each mistake is reported with its position. Code here does
 * not know any site. Start with manifests.ts.
 */
export {
  componentSchema,
  type Component,
  type ComponentAction,
  type ComponentCertificate,
  type ComponentMount,
  type ComponentContainer,
  type ComponentNeed,
  type ComponentService,
} from './component.ts';
export {
  addressField,
  cidrField,
  dnsNameField,
  documentHead,
  FIELD_TYPES,
  fieldType,
  identifierField,
  imageNameOf,
  isAddress,
  lineField,
  nameField,
  portField,
} from './fields.ts';
export { describeForm, INIT_FLAGS, readByForm, type InitFlag } from './init.ts';
export type { LoadedDocument, LoadedManifests } from './loaded-manifests.ts';
export { loadDocuments, loadManifests, type ComponentManifest, type ManifestDocuments, type Manifests } from './manifests.ts';
export { packageNameOf } from '../ospkg/index.ts';
export { operatingSystemSchema, type OperatingSystem } from './operating-system.ts';
export {
  isSecretValue,
  requiredValues,
  secretName,
  valueField,
  valueNames,
  type OptionValue,
  type PlatformChoice,
  type PlatformOption,
} from './option.ts';
export { platformSchema, type PlatformManifest } from './platform.ts';
export { roleSchema, type Role } from './role.ts';
export type { HostName } from './scope-names.ts';
export { textsIn, type TextPlace } from './texts-in.ts';
export { renderData, renderTemplate, type Scope } from './template.ts';
