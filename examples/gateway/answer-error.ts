import { McpError } from '@modelcontextprotocol/sdk/types.js';
import type { ErrorRequestHandler } from 'express';
import { ApprovalRequiredError, type ErrorCode, explainTlsError } from 'mcp-tls';

/** A refusal of the gateway itself. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** What is wrong, for a person and for a program. */
export interface ErrorBody {
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string };
  readonly [more: string]: unknown;
}

const STATUS: Partial<Record<ErrorCode, number>> = {
  // 428: the same request again, with the fingerprint, once somebody has compared it.
  MCP_TLS_APPROVAL_REQUIRED: 428,
  MCP_TLS_FINGERPRINT_MISMATCH: 409,
  MCP_TLS_ALREADY_REGISTERED: 409,
  MCP_TLS_NOT_REGISTERED: 404,
  MCP_TLS_INVALID_ARGUMENT: 400,
  MCP_TLS_INVALID_CERTIFICATE: 400,
  MCP_TLS_PLAIN_HTTP_REFUSED: 400,
  MCP_TLS_ADDRESS_REFUSED: 403,
};

/** Answers an error as JSON. None of it holds a key or token: errors of mcp-tls never do. */
export const answerError: ErrorRequestHandler = (error, _request, response, next) => {
  if (response.headersSent) return next(error);
  const { status, body } = describeError(error);
  if (status === 500) console.error(error);
  response.status(status).json({ ...body, worker: process.pid });
};

export function describeError(error: unknown): { status: number; body: ErrorBody } {
  const ours = explainTlsError(error);
  if (ours !== undefined) {
    const { code, message, hint: text } = ours;
    const hint = text === undefined ? {} : { hint: text };
    const status = STATUS[code] ?? (code.startsWith('MCP_TLS_STORE_') ? 503 : 502);
    return { status, body: { error: { code, message, ...hint }, ...approvalOf(ours) } };
  }
  if (error instanceof ApiError) return plain(error.status, 'GATEWAY', error.message);
  // Refused by Express, such as a body that is not JSON.
  const { status = 500, message } = error as { status?: number; message: string };
  if (status >= 400 && status < 500) return plain(status, 'BAD_REQUEST', message);
  if (error instanceof McpError) return plain(502, 'MCP', message);
  const code = (error as { code?: unknown }).code;
  // The SDK's transports have the status of the server's answer as their code.
  if (typeof code === 'number') return plain(502, 'MCP', message);
  return plain(500, 'INTERNAL', 'this should not have happened; see the log of the gateway');
}

const plain = (status: number, code: string, message: string) => ({
  status,
  body: { error: { code, message } },
});

/** What to show to the person who is to decide. */
function approvalOf(error: unknown): object {
  if (!(error instanceof ApprovalRequiredError)) return {};
  const { peer, current, sameKey } = error;
  const { description: presented, problems } = peer;
  return { presented, problems, current: current ?? null, sameKey: sameKey ?? null };
}
