/** How a part of the suite is to run. */
export interface PartOptions {
  /** The Node.js that its processes run on. */
  readonly binary: string;
  readonly quick: boolean;
  /** Instead of the part's own number. */
  readonly rounds?: number | undefined;
}
