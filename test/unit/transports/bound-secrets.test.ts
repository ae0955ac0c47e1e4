import { describe, expect, it } from 'vitest';
import { onDiagnostic } from '../../../src/index.js';
import { BoundSecrets } from '../../../src/transports/bound-secrets.js';

const HOME = new URL('https://login.example/token');
const OTHER = new URL('https://other.example/token');
const SECRET = 'c0ffee-secret';

function request(fields: Readonly<Record<string, string>>): RequestInit {
  return { method: 'POST', body: new URLSearchParams({ grant_type: 'refresh_token', ...fields }) };
}

describe('a secret of an authorization server', () => {
  for (const field of ['refresh_token', 'client_secret']) {
    it(`is refused to another one, and the refusal reported without it (${field})`, () => {
      const reported: unknown[] = [];
      using _ = onDiagnostic('mcp-tls:refused', (message) => reported.push(message));
      const secrets = new BoundSecrets();
      secrets.begin(HOME, request({ [field]: SECRET }));
      expect(() => secrets.begin(OTHER, request({ [field]: SECRET }))).toThrow(
        expect.objectContaining({ code: 'MCP_TLS_ADDRESS_REFUSED', host: 'other.example' }),
      );
      expect(reported).toMatchObject([{ code: 'MCP_TLS_ADDRESS_REFUSED', host: 'other.example' }]);
      expect(JSON.stringify(reported)).not.toContain(SECRET);
    });
  }

  it('goes to its own again, and another secret to another server', () => {
    const secrets = new BoundSecrets();
    secrets.begin(HOME, request({ refresh_token: SECRET }));
    secrets.begin(HOME, request({ refresh_token: SECRET }));
    secrets.begin(OTHER, request({ refresh_token: 'another' }));
  });
});
