/** Three digits that say something; all of those before the point. */
export function formatNumber(value: number): string {
  if (value === 0) return '0';
  const digits = Math.floor(Math.log10(Math.abs(value)));
  return value.toLocaleString('en', {
    minimumFractionDigits: Math.max(0, Math.min(2, 2 - digits)),
    maximumFractionDigits: Math.max(0, Math.min(2, 2 - digits)),
  });
}
