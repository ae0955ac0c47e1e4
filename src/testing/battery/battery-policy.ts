import type { PlainPem, TlsVersion } from '../../core.js';

/** Fields that a {@link BatteryPolicy} may have in addition to `url`. */
export const POLICY_FIELDS = [
  'ca',
  'authority',
  'roots',
  'serverName',
  'minVersion',
  'pins',
  'identity',
  'allowExpired',
  'clientCertificate',
  'crl',
  'origins',
] as const;
/** A field of {@link BatteryPolicy} that a client may not support. */
export type PolicyField = (typeof POLICY_FIELDS)[number];

/**
 * What a client of the battery is made for: one server, and how to trust it, in the words of `TrustPolicy`. Flat:
 * not every client knows every field.
 */
export interface BatteryPolicy {
  /** The server that the policy is for. It says nothing about any other origin. */
  readonly url: string;
  /** Trust anchors, instead of the default roots. */
  readonly ca?: PlainPem;
  /**
   * Whether the certificates in `ca` are authorities, so that what their keys signed is trusted. Default:
   * those that carry no server name are; one that carries names is a server's own, and trusted for itself.
   */
  readonly authority?: boolean;
  /** `'default'` adds Node.js's own roots to `ca`. */
  readonly roots?: 'none' | 'default';
  /** Name that the certificate must carry, and SNI, instead of the URL's host. */
  readonly serverName?: string;
  /** The lowest version of TLS to accept. */
  readonly minVersion?: TlsVersion;
  /** `sha256/BASE64` of the leaf's SubjectPublicKeyInfo, or `SHA256:HEX` of the leaf. Any one. */
  readonly pins?: readonly string[];
  /** `'pin'`: the pinned key is the identity; neither names nor chain are asked. */
  readonly identity?: 'name' | 'pin';
  /** Only with `pins`. */
  readonly allowExpired?: boolean;
  /** To present where the server asks for one (mutual TLS). */
  readonly clientCertificate?: {
    readonly cert: PlainPem;
    readonly key: string | Uint8Array;
    readonly passphrase?: string;
  };
  /** Certificate revocation list, PEM or DER. */
  readonly crl?: PlainPem;
  /** Trust anchors of other origins, by exact origin. A closed list: no other origin is reached. */
  readonly origins?: Readonly<Record<string, string>>;
}

/** {@link BatteryPolicy} without its server. */
export type BatteryPolicyFields = Omit<BatteryPolicy, 'url'>;

/** As much of a `Response` as the battery reads. */
export interface BatteryResponse {
  readonly status: number;
  readonly headers: {
    /** The value of a header, `null` where there is none. */
    get(name: string): string | null;
  };
  /** A web stream, or anything else that gives its chunks by `for await`. */
  readonly body: unknown;
  /** The body, whole. */
  text(): Promise<string>;
}

/** What the battery passes as a request. */
export interface BatteryRequest {
  /** Default: GET. */
  readonly method?: string;
  /** Default: none. */
  readonly headers?: Record<string, string>;
  /** Default: none. */
  readonly body?: string | ArrayBuffer;
  /** Aborts the request. */
  readonly signal?: AbortSignal;
}

/** A fetch-like client under test. */
export interface BatteryClient {
  (url: string, init?: BatteryRequest): Promise<BatteryResponse>;
  /** Ends its connections. Without it, the checks that are about closing are pending. */
  close?(): unknown;
}

/** Makes the client under test for one policy. May throw where the policy makes no sense. */
export type MakeBatteryClient = (policy: BatteryPolicy) => BatteryClient | Promise<BatteryClient>;
