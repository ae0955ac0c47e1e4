import { RegistryError } from '../errors.js';

/** What more than one part of a registry rejects with. */

export function notRegistered(id: string): RegistryError {
  return new RegistryError('MCP_TLS_NOT_REGISTERED', `no server '${id}' is registered`, id);
}

/** For a flow whose server was revoked while it was under way. */
export function revokedMeanwhile(id: string): RegistryError {
  const message = `'${id}' was revoked while this was under way`;
  return new RegistryError('MCP_TLS_NOT_REGISTERED', message, id);
}

export function alreadyRegistered(id: string, cause?: unknown): RegistryError {
  const message = `'${id}' is registered already: give replace: true to replace it`;
  return new RegistryError(
    'MCP_TLS_ALREADY_REGISTERED',
    message,
    id,
    cause === undefined ? undefined : { cause },
  );
}
