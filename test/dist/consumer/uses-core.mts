import {
  type CertificateDescription,
  describeCertificate,
  isSelfSignedPem,
  makeCustomClientFactory,
} from 'mcp-tls/core';

const description: CertificateDescription = await describeCertificate('PEM');
const client = makeCustomClientFactory('PEM', { timeout: { connectMs: 1000 } })({
  url: 'https://mcp.example',
  auth: async () => 'token',
});
const response: Response = await client('https://mcp.example');
export const used: unknown[] = [description, isSelfSignedPem('PEM'), response];
