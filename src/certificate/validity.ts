import type { X509Certificate } from 'node:crypto';

/** From when until when a certificate is valid. An invalid `Date` where its own is broken. */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** The one reader of a certificate's dates. */
export function validityOf({ validFrom, validTo }: X509Certificate): Validity {
  return { notBefore: toDate(validFrom), notAfter: toDate(validTo) };
}

const OPENSSL_TIME = /^(\w{3}) +(\d{1,2}) (\d\d:\d\d:\d\d)(?:\.\d+)? (\d{1,4}) GMT$/;
const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec';

/** By hand: OpenSSL prints the year 0050 as 50, which `Date` reads as 1950. `validFromDate` needs 22.10. */
function toDate(text: string): Date {
  const [, month = '', day = '', time, year = ''] = OPENSSL_TIME.exec(text) ?? [];
  const monthNumber = String(MONTHS.indexOf(month) / 3 + 1).padStart(2, '0');
  return new Date(`${year.padStart(4, '0')}-${monthNumber}-${day.padStart(2, '0')}T${time}Z`);
}
