-- Adds what mcp-tls keeps of a server to a gateway's own table. SQLite and PostgreSQL.
--
-- certificate_pem holds no readable PEM: it is the record (certificate, pins, client key, approval),
-- encrypted and bound to the row's id. is_self_signed stands beside it in the clear, for lists; it is
-- compared with the record at every reading.
ALTER TABLE gateways ADD COLUMN certificate_pem TEXT;
ALTER TABLE gateways ADD COLUMN is_self_signed BOOLEAN;
ALTER TABLE gateways ADD COLUMN certificate_revision BIGINT NOT NULL DEFAULT 0;
