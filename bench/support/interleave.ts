/**
 * Lets contenders take turns, so that whatever else the machine does meets all of them alike.
 *
 * In each round everyone runs one batch. The round starts with another one each time and every second
 * round goes backwards, so that nobody always runs after the same neighbour.
 */
export async function interleave<T>(
  contenders: ReadonlyMap<string, () => Promise<T>>,
  rounds: number,
): Promise<ReadonlyMap<string, readonly T[]>> {
  const results = new Map<string, T[]>([...contenders.keys()].map((id) => [id, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [id, batch] of orderOf([...contenders], round)) {
      results.get(id)?.push(await batch());
    }
  }
  return results;
}

function orderOf<T>(items: readonly T[], round: number): readonly T[] {
  const start = round % items.length;
  const rotated = [...items.slice(start), ...items.slice(0, start)];
  return round % 2 === 0 ? rotated : rotated.reverse();
}
