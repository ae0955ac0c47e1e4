export interface Row {
  readonly entry: string;
  readonly mistake: string;
  readonly option: string;
  readonly expected: 'refused' | 'accepted' | 'any';
  readonly ok: boolean;
  readonly code: string;
  readonly message: string;
}
export declare function optionTable(modules: {
  readonly index: object;
  readonly redis: object;
  readonly store: object;
  readonly testing: object;
  readonly v2: object;
}): Promise<readonly Row[]>;
export declare function summary(rows: readonly Row[]): {
  readonly rows: number;
  readonly entries: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly toldWhere: number;
  readonly toldWhich: number;
  readonly wrong: readonly Row[];
};
