import { type Definition, OURS, ratio } from './target-definition.js';

/** What tool calls over the MCP SDKs may cost: shares of `undici.fetch` and multiples of the floor. */
export const CALL_TARGETS: Readonly<Record<string, Definition>> = {
  'calls.v1.json.cpu': share('calls.v1.json', 'SDK v1, JSON answer', { 20: 0.3, 24: 0.38 }),
  'calls.v1.json.at16.cpu': share('calls.v1.json.at16', 'SDK v1, JSON answer, 16 at a time', {
    20: 0.3,
    24: 0.38,
  }),
  'calls.v1.json.mixed.cpu': share(
    'calls.v1.json.mixed',
    'SDK v1, JSON answer, both in one process, two servers',
    { 20: 0.4, 24: 0.45 },
  ),
  'calls.v1.sse.cpu': share('calls.v1.sse', 'SDK v1, SSE answer', { 20: 0.42, 24: 0.38 }),
  'calls.v2.json.cpu': share('calls.v2.json', 'SDK v2, JSON answer', { 20: 0.4, 24: 0.36 }),
  'calls.v2.sse.cpu': share('calls.v2.sse', 'SDK v2, SSE answer', { 20: 0.48, 24: 0.38 }),
  'calls.v1.json.floor': ofFloor('v1', 'json', { 20: 1.6, 24: 1.9 }),
  'calls.v1.sse.floor': ofFloor('v1', 'sse', { 20: 1.7, 24: 1.7 }),
  'calls.v2.json.floor': ofFloor('v2', 'json', { 20: 1.6, 24: 1.9 }),
  'calls.v1.json.latency': latency('v1'),
  'calls.v2.json.latency': latency('v2'),
};

type Limit = Definition['limit'];

function share(id: string, subject: string, limit: Limit): Definition {
  return {
    text: `tools/call, ${subject}: client CPU as a share of undici.fetch's`,
    bound: 'at most',
    limit,
    figure: (series) => ratio(series, `${id}.cpu`, OURS),
  };
}

function ofFloor(sdk: string, form: 'json' | 'sse', limit: Limit): Definition {
  return {
    text: `tools/call, SDK ${sdk}, ${form.toUpperCase()} answer: client CPU as a multiple of the floor`,
    bound: 'at most',
    limit,
    figure: (series) => ratio(series, `calls.${sdk}.${form}.cpu`, OURS, 'floor'),
  };
}

function latency(sdk: string): Definition {
  return {
    text: `tools/call, SDK ${sdk}, JSON answer: sequential latency as a share of undici.fetch's`,
    bound: 'at most',
    limit: { 20: 0.65, 24: 0.75 },
    figure: (series) => ratio(series, `calls.${sdk}.json.latency`, OURS),
  };
}

/** What finding the client by its id may cost. */
export const REGISTRY_TARGETS: Readonly<Record<string, Definition>> = {
  'registry.json': throughRegistry('json', 'tools/call, SDK v1, JSON answer'),
  'registry.sse': throughRegistry('sse', 'tools/call, SDK v1, SSE answer'),
};

function throughRegistry(id: string, call: string): Definition {
  return {
    text: `${call}, through a registry: client CPU as a multiple of a factory's`,
    bound: 'at most',
    limit: 1.05,
    figure: (series) => ratio(series, `registry.${id}.cpu`, 'through-registry'),
  };
}
