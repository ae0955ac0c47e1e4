/**
 * What @keyv/sqlite uses of sqlite3, over SQLite compiled to WebAssembly, on the same files: sqlite3 itself downloads a
 * binary or compiles one when it is installed.
 */
const { Database: SyncDatabase } = require('node-sqlite3-wasm');

class Database {
  #database;

  constructor(file, opened) {
    queueMicrotask(() => {
      try {
        this.#database = new SyncDatabase(file);
      } catch (error) {
        opened(error);
        return;
      }
      opened(null);
    });
  }

  all(sql, ...rest) {
    const done = rest.pop();
    let rows;
    try {
      rows = this.#database.all(sql, rest.flat());
    } catch (error) {
      done(error);
      return;
    }
    done(null, rows);
  }

  close(done) {
    this.#database.close();
    done(null);
  }
}

module.exports = { Database };
