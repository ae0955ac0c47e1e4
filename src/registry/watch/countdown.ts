/** When a countdown is reported: at so many days before the end, or when a share of the lifetime is left. */
export type Threshold = number | { readonly share: number };

const MAX_DAYS = 36_500;
const DAY_MS = 86_400_000;

/** `undefined` for what is none. */
export function readThreshold(value: unknown): Threshold | undefined {
  if (typeof value === 'number') return value > 0 && value <= MAX_DAYS ? value : undefined;
  const [, part, whole] =
    /^(\d{1,6})\/(\d{1,6})$/.exec(typeof value === 'string' ? value : '') ?? [];
  const share = Number(part) / Number(whole);
  return share > 0 && share < 1 ? { share } : undefined;
}

/** What has an end. */
export interface Countdown {
  /** ISO 8601. */
  readonly ends: string;
  /** `undefined`: not known. Then there are no shares of its time. */
  readonly begins: string | undefined;
}

export const OVER = -1;

/**
 * How far a countdown is at a moment: the days of the smallest threshold that has been reached, {@link OVER}, or
 * infinity.
 *
 * @param at milliseconds since 1970
 */
export function stageOf(
  { ends, begins }: Countdown,
  at: number,
  thresholds: readonly Threshold[],
): number {
  const end = Date.parse(ends);
  const left = (end - at) / DAY_MS;
  if (left <= 0) return OVER;
  const lifetime = begins === undefined ? Number.NaN : (end - Date.parse(begins)) / DAY_MS;
  const days = thresholds.map((one) => (typeof one === 'number' ? one : one.share * lifetime));
  return Math.min(...days.filter((limit) => left <= limit), Number.POSITIVE_INFINITY);
}
