/** What of a declaration of options, whichever they are, is looked through for a name. */
export interface AnyDeclaration {
  readonly fields: Readonly<Record<string, { readonly inside?: AnyDeclaration }>>;
  readonly elsewhere: Readonly<Record<string, string>>;
  readonly beside: Readonly<Record<string, AnyDeclaration>>;
}

/** The objects that an options object stands in, the nearest first. */
export type Surroundings = readonly { readonly name: string; readonly fields: object }[];

/**
 * Says where an unknown field belongs, if it is one of ours that stands at the wrong level; or which one
 * may have been meant; or which ones there are. Begins with a colon or a blank.
 */
export function whereItBelongs(
  name: string,
  declaration: AnyDeclaration,
  around: Surroundings,
): string {
  const { fields, elsewhere, beside } = declaration;
  if (Object.hasOwn(elsewhere, name)) return `: ${elsewhere[name]}`;
  const inner = pathTo(name, { ...fieldsInside(fields), ...beside });
  if (inner !== undefined) return `: it belongs in ${inner}`;
  const outer = around.find((one) => Object.hasOwn(one.fields, name));
  if (outer !== undefined) return `: it belongs in ${outer.name}`;
  const known = Object.keys(fields);
  const near = nearest(name, known);
  if (near !== undefined) return `: did you mean '${near}'?`;
  return ` (known: ${known.join(', ')})`;
}

function fieldsInside(fields: AnyDeclaration['fields']): Record<string, AnyDeclaration> {
  const all = Object.entries(fields).map(([field, { inside }]) => [field, inside] as const);
  return Object.fromEntries(
    all.filter((one): one is [string, AnyDeclaration] => one[1] !== undefined),
  );
}

/** The shallowest object that has the field, as a path. */
function pathTo(
  name: string,
  objects: Readonly<Record<string, AnyDeclaration>>,
): string | undefined {
  for (const [path, { fields }] of Object.entries(objects)) {
    if (Object.hasOwn(fields, name)) return path;
  }
  for (const [path, { fields }] of Object.entries(objects)) {
    const deeper = pathTo(name, fieldsInside(fields));
    if (deeper !== undefined) return `${path}.${deeper}`;
  }
  return undefined;
}

/** Of names that differ by little: a third of the letters, and three at most. */
function nearest(name: string, known: readonly string[]): string | undefined {
  if (name.length > 64) return undefined;
  const near = known
    .map((one) => ({ one, distance: distanceOf(name.toLowerCase(), one.toLowerCase()) }))
    .filter(({ one, distance }) => distance <= Math.min(3, Math.max(1, Math.floor(one.length / 3))))
    .sort((a, b) => a.distance - b.distance);
  return near[0]?.one;
}

/** How many letters have to be added, left out, exchanged, or swapped with their neighbour. */
function distanceOf(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (above[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(change, (above[j] as number) + 1, (row[j - 1] as number) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, (before[j - 2] as number) + 1);
      }
      row.push(least);
    }
    before = above;
    above = row;
  }
  return above[b.length] as number;
}
