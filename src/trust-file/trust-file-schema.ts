import { trustSchema } from '../connect/trust-schema.js';
import { MAX_NAME_CHARS } from './trust-file-text.js';

const { $schema, ...trust } = trustSchema;

/**
 * JSON Schema (draft 07) of a trust file, for editors and other programs. What it says of `tls` is
 * {@link trustSchema}. It describes the shape; what the certificates are, `readTrustFile` finds.
 */
export const trustFileSchema: Readonly<Record<string, unknown>> = Object.freeze({
  $schema,
  title: 'Trust file of mcp-tls',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'servers'],
  properties: Object.freeze({
    version: Object.freeze({ const: 1 }),
    servers: Object.freeze({
      type: 'object',
      propertyNames: Object.freeze({ minLength: 1, maxLength: MAX_NAME_CHARS }),
      additionalProperties: Object.freeze({
        type: 'object',
        additionalProperties: false,
        required: Object.freeze(['url', 'tls']),
        properties: Object.freeze({
          url: Object.freeze({ type: 'string', pattern: '^[Hh][Tt][Tt][Pp][Ss]:' }),
          tls: Object.freeze(trust),
        }),
      }),
    }),
  }),
});
