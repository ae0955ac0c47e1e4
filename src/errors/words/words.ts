/** What a code says to people. Held once; sites that know more add to it. */
export interface Words {
  /** What happened, as one clause without the host. */
  readonly meaning: string;
  /** One or two sentences for the operator: what to run or to set. */
  readonly hint: string;
}
