/**
 * What platform authors write: platform, role, component and operating system manifests with their templates, parsed strictly,
 * checked against each other, with the position of every mistake. Nothing here knows a site. Start with manifests.ts.
 */
export {
  componentSchema,
  type Component,
  type ComponentAction,
  type ComponentCertificate,
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
  isAddress,
  lineField,
  nameField,
  portField,
} from './fields.ts';
export { loadManifests, type ComponentManifest, type Manifests } from './manifests.ts';
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
export { renderData, renderTemplate, type Scope } from './template.ts';
