// So that vitest looks for none above.
export default { test: { globals: true, include: ['*.test.mjs'] } };
