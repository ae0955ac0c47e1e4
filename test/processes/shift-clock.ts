/** Loaded before a process's program: its wall clock differs by so many ms. */
const ms = Number(process.env['MCP_TLS_CLOCK_SHIFT'] ?? 0);
const { now } = Date;
Date.now = () => now() + ms;
