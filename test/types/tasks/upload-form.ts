/** 8. An upload field: what is it, and may it be stored as trust? */
import {
  checkTrust,
  describeCertificate,
  isSelfSignedPem,
  McpTlsError,
  type TrustByCa,
} from 'mcp-tls';

export async function readUpload(pem: string, serverName: string | undefined) {
  try {
    const policy: TrustByCa = { ca: pem };
    if (serverName !== undefined) policy.serverName = serverName;
    checkTrust(policy);
    const { subject, notAfter, fingerprint } = await describeCertificate(pem);
    return { ok: true, selfSigned: isSelfSignedPem(pem), subject, notAfter, fingerprint } as const;
  } catch (error) {
    if (error instanceof McpTlsError) return { ok: false, ...error.toJSON() } as const;
    throw error;
  }
}
