/** Three digits that say something; all of those before the point. */
export function formatNumber(value: number): string {
  const digits = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)));
  return value.toLocaleString('en', {
    minimumFractionDigits: Math.max(0, Math.min(2, 2 - digits)),
    maximumFractionDigits: Math.max(0, Math.min(2, 2 - digits)),
  });
}
