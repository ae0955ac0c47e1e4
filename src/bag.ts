/** Where an item lies in its bag. */
export interface Place<Item> {
  readonly item: Item;
  at: number;
}

/**
 * Items that come and go all the time, in no order, such as the requests under way. Holds nothing until the first comes:
 * a gateway has thousands of clients of which nothing is asked.
 *
 * Not a Set: as entries come and go, V8 makes table after table, each of which leads to the next, and one that is garbage
 * keeps what was in it, and in all after it, through every collection of young objects. It cost a POST a tenth of its
 * time.
 */
export class Bag<Item> {
  #places: Place<Item>[] | undefined;

  /** @returns what {@link delete} takes it out by */
  add(item: Item): Place<Item> {
    this.#places ??= [];
    const place = { item, at: this.#places.length };
    this.#places.push(place);
    return place;
  }

  /** A second time it does nothing. */
  delete(place: Place<Item>): void {
    const places = this.#places;
    if (places === undefined || places[place.at] !== place) return;
    const last = places.pop() as Place<Item>;
    if (last === place) return;
    places[place.at] = last;
    last.at = place.at;
  }

  /** Those of this moment, whatever comes and goes while they are looked at. */
  get items(): readonly Item[] {
    return (this.#places ?? []).map(({ item }) => item);
  }
}
