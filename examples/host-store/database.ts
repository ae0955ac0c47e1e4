/** As much of a database as the store needs, over SQLite and over PostgreSQL. */

export type Value = string | number | boolean | null;
export type Row = Readonly<Record<string, unknown>>;

export interface Database {
  /** Runs SQL with `?` for each value; gives the rows, and how many were changed. */
  query(sql: string, values?: readonly Value[]): Promise<{ rows: readonly Row[]; changes: number }>;
  close(): Promise<void>;
}

/** A SQLite file: `node:sqlite` where Node.js has it (22.13 and later), else a build for WebAssembly. */
export async function openSqlite(file: string): Promise<Database> {
  const statements = (await openBuiltIn(file)) ?? (await openWasm(file));
  return {
    async query(sql, values = []) {
      // SQLite has no booleans: they are 0 and 1.
      const bound = values.map((value) => (typeof value === 'boolean' ? Number(value) : value));
      return /^\s*SELECT/i.test(sql)
        ? { rows: statements.all(sql, bound), changes: 0 }
        : { rows: [], changes: statements.run(sql, bound) };
    },
    async close() {
      statements.close();
    },
  };
}

/** PostgreSQL, by a connection URL. */
export async function openPostgres(connectionString: string): Promise<Database> {
  const { default: pg } = await import('pg');
  const pool = new pg.Pool({
    connectionString,
    connectionTimeoutMillis: 5_000,
    query_timeout: 5_000,
  });
  // Without a listener, a connection that breaks while it is idle ends the process.
  pool.on('error', () => {});
  return {
    async query(sql, values = []) {
      let n = 0;
      const { rows, rowCount } = await pool.query(
        sql.replace(/\?/g, () => `$${++n}`),
        [...values],
      );
      return { rows, changes: rowCount ?? 0 };
    },
    close: () => pool.end(),
  };
}

type Bound = string | number | null;

interface Statements {
  all(sql: string, values: readonly Bound[]): readonly Row[];
  /** @returns how many rows were changed */
  run(sql: string, values: readonly Bound[]): number;
  close(): void;
}

async function openBuiltIn(file: string): Promise<Statements | undefined> {
  // By name, because the types of Node 20 do not know it.
  const name: string = 'node:sqlite';
  const sqlite = await import(name).catch(() => undefined);
  if (sqlite === undefined) return undefined;
  const database = new sqlite.DatabaseSync(file);
  database.exec('PRAGMA busy_timeout = 5000');
  return {
    all: (sql, values) => database.prepare(sql).all(...values),
    run: (sql, values) => Number(database.prepare(sql).run(...values).changes),
    close: () => database.close(),
  };
}

async function openWasm(file: string): Promise<Statements> {
  const { default: sqlite } = await import('node-sqlite3-wasm');
  const database = new sqlite.Database(file);
  database.exec('PRAGMA busy_timeout = 5000');
  return {
    all: (sql, values) => database.all(sql, [...values]) as Row[],
    run: (sql, values) => database.run(sql, [...values]).changes,
    close: () => database.close(),
  };
}
