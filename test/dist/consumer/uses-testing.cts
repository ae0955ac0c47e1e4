import { type HeldCertificate, heldCertificate } from 'mcp-tls/testing';

export const certificate: Promise<HeldCertificate> = heldCertificate({ dns: ['mcp.example'] });
