/** What a class has that is no option of anybody's: it says how an object is made or shown. */
const NO_OPTIONS: ReadonlySet<string> = new Set([
  'constructor',
  'toString',
  'toLocaleString',
  'valueOf',
  'toJSON',
]);

/** Names of whatever stands in an object or above it, hidden or not, below Object.prototype. */
export function namesOf(input: object): ReadonlySet<string> {
  const names = new Set<string>();
  let object: object | null = input;
  while (object !== null && !isObjectPrototype(object)) {
    for (const key of Reflect.ownKeys(object)) {
      if (typeof key === 'symbol') {
        if (!isWellKnown(key)) names.add(String(key));
      } else if (!NO_OPTIONS.has(key) || Object.prototype.propertyIsEnumerable.call(object, key)) {
        names.add(key);
      }
    }
    object = Object.getPrototypeOf(object);
  }
  // What somebody has added to Object.prototype is in every object.
  for (const name in object) names.add(name);
  return names;
}

/**
 * A plain copy, with all that a reader of options would see, also what a spread drops: accessors of a class.
 * What nobody may have is in it, too, and is refused by whoever reads the copy.
 */
export function plainCopy(input: object): Record<string, unknown> {
  const fields = input as Readonly<Record<string, unknown>>;
  const copy: Record<string, unknown> = Object.create(null);
  for (const name of namesOf(input)) copy[name] = fields[name];
  return copy;
}

/** A symbol of the language, or what `util.inspect` asks for. */
function isWellKnown(symbol: symbol): boolean {
  const ofLanguage = Object.values(Object.getOwnPropertyDescriptors(Symbol));
  return (
    symbol === Symbol.for('nodejs.util.inspect.custom') ||
    ofLanguage.some(({ value }) => value === symbol)
  );
}

/** Object.prototype, of this realm or another. */
export function isObjectPrototype(value: object): boolean {
  return (
    value === Object.prototype ||
    (Object.getPrototypeOf(value) === null &&
      Object.hasOwn(value, 'hasOwnProperty') &&
      Object.hasOwn(value, '__defineGetter__'))
  );
}
