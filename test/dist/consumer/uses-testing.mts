import { type HeldCertificate, heldCertificate, startTlsServer } from 'mcp-tls/testing';

const certificate: HeldCertificate = await heldCertificate({ dns: ['mcp.example'] });
export const url: string = (await startTlsServer({ certificate })).url;
