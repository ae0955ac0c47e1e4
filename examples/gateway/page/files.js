/** Files: out to whoever sits here, and in from them. */

const LARGEST_BYTES = 64 * 1024;

/** Has the browser save a text as a file. */
export function save(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** A name that every operating system takes, whatever the id is. */
export const fileName = (id, end) => `${id.replace(/[^\w.-]+/g, '_').slice(0, 100)}.${end}`;

/** A certificate file as PEM. One that is not text already is taken for DER. */
export async function readCertificate(file) {
  if (file.size > LARGEST_BYTES) throw new Error('The file is too large for a certificate.');
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (bytes[0] !== 0x30 || bytes[1] < 0x80) return new TextDecoder().decode(bytes);
  const base64 = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
  const lines = base64.match(/.{1,64}/g).join('\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

const COLUMNS = [
  ['id', ({ server }) => server.id],
  ['url', ({ server }) => server.url],
  ['state', ({ state }) => state],
  ['days left', ({ daysLeft }) => daysLeft],
  ['expires', ({ server }) => server.notAfter],
  ['trusts', ({ server }) => server.kind],
  ['sha256', ({ server }) => server.fingerprint],
  ['sha256 before', ({ server }) => server.previousFingerprint],
  ['approved by', ({ server }) => server.approvedBy],
  ['approved at', ({ server }) => server.approvedAt],
];

/** Rows of the table as CSV (RFC 4180). */
export function csvOf(rows) {
  const lines = [
    COLUMNS.map(([name]) => name),
    ...rows.map((row) => COLUMNS.map(([, of]) => of(row))),
  ];
  return lines.map((line) => `${line.map(cell).join(',')}\r\n`).join('');
}

/** Spreadsheets run what looks like a formula, and anybody may have chosen a name. */
function cell(value) {
  const text = String(value ?? '');
  const calm =
    typeof value === 'string' && /^[\s]*[=+\-@]|^[\t\r\n]/.test(text) ? `'${text}` : text;
  return /[",\r\n']/.test(calm) ? `"${calm.replaceAll('"', '""')}"` : calm;
}
