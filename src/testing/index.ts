export type { BatteryTheme } from './battery/battery-check.js';
export type { BatteryConnection, BatteryHost } from './battery/battery-host.js';
export type {
  BatteryClient,
  BatteryPolicy,
  BatteryPolicyFields,
  BatteryRequest,
  BatteryResponse,
  MakeBatteryClient,
  PolicyField,
} from './battery/battery-policy.js';
export type {
  BatteryCount,
  BatteryOutcome,
  BatteryReport,
  BatteryResult,
} from './battery/battery-report.js';
export type {
  ExtendedKeyUsage,
  KeyUsage,
  NameConstraints,
} from './certificate-extensions.js';
export type { CertificateHash, CertificateKeyType } from './certificate-keys.js';
export {
  definePinningTests,
  type TestFunction,
  type TestRunner,
} from './define-pinning-tests.js';
export type { DistinguishedName } from './distinguished-name.js';
export { type FormatReportOptions, formatReport, type ReportFormat } from './format-report.js';
export { heldCertificate } from './held-certificate.js';
export type {
  CertificateDefect,
  HeldCertificate,
  HeldCertificateOptions,
} from './held-certificate-options.js';
export {
  type DefinePinningTestsOptions,
  type PinningBatteryOptions,
  pinningBattery,
} from './pinning-battery.js';
export {
  type Interceptor,
  type InterceptorMode,
  type InterceptorOptions,
  type InterceptorRecords,
  startInterceptor,
} from './start-interceptor.js';
export { type McpServerOptions, type McpTestServer, startMcpServer } from './start-mcp-server.js';
export {
  type RotateOptions,
  startTlsServer,
  type TlsServer,
} from './start-tls-server.js';
export type { Stall } from './tls-server-behaviour.js';
export type { RequestHandler, ServerCertificate, TlsServerOptions } from './tls-server-options.js';
export type { RecordedRequest, TlsServerRecords } from './tls-server-records.js';
