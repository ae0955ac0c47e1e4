import { get, post, serverPath } from './api.js';
import { act, field, fill, h, moveTo, say } from './dom.js';

/** The tools of a server, and one call after the other. */
export async function toolPanel(id, place) {
  const { tools } = await get(serverPath(id, 'tools'));
  if (tools.length === 0) return say(`${id} has no tools.`);

  const tool = h(
    'select',
    {},
    tools.map(({ name }) => h('option', { value: name }, name)),
  );
  const transport = h(
    'select',
    {},
    h('option', { value: 'streamable-http' }, 'Streamable HTTP'),
    h('option', { value: 'sse' }, 'SSE'),
  );
  const about = h('p', { class: 'note' });
  const args = h('textarea', { rows: '5', class: 'code', spellcheck: 'false' });
  const result = h('div', {});

  function show() {
    const { description, inputSchema } = tools.find(({ name }) => name === tool.value);
    about.textContent = description ?? '';
    args.value = JSON.stringify(example(inputSchema), null, 2);
  }
  tool.addEventListener('change', show);
  show();

  fill(
    place,
    h(
      'form',
      {
        class: 'panel',
        onsubmit: (event) => {
          event.preventDefault();
          act(event.submitter, `Calling ${tool.value} …`, async () => {
            const given = { arguments: readJson(args.value), transport: transport.value };
            const answer = await post(serverPath(id, 'tools', tool.value), given);
            fill(result, outcome(answer));
            say(
              `${tool.value} answered${answer.isError ? ' with an error' : ''}.`,
              answer.isError ? 'bad' : 'good',
            );
          });
        },
      },
      h('h3', {}, `Tools of ${id}`),
      h('div', { class: 'fields' }, field('Tool', tool), field('Over', transport)),
      about,
      field('Arguments, JSON', args),
      h('div', { class: 'actions' }, h('button', { class: 'main' }, 'Call')),
      result,
    ),
  );
  moveTo(place.querySelector('h3'));
  say(`${id} has ${tools.length} tools.`);
}

function outcome({ content, isError, progress, transport, milliseconds, worker }) {
  const texts = content.map((part) =>
    part.type === 'text' ? part.text : JSON.stringify(part, null, 2),
  );
  const steps = progress > 0 ? `, ${progress} steps of progress` : '';
  return [
    h('pre', { class: isError && 'bad', tabindex: '0', 'aria-label': 'Answer' }, texts.join('\n')),
    h('p', { class: 'note' }, `${milliseconds} ms over ${transport}${steps}, by worker ${worker}`),
  ];
}

function readJson(text) {
  try {
    return JSON.parse(text.trim() || '{}');
  } catch {
    throw new Error('The arguments are not JSON.');
  }
}

/** Something to begin with, of the right shape. */
function example({ properties = {}, required = [] }) {
  const values = { string: 'hello', number: 3, integer: 3, boolean: true, array: [], object: {} };
  return Object.fromEntries(
    Object.entries(properties)
      .filter(([name]) => required.includes(name))
      .map(([name, { type, default: given, enum: allowed }]) => [
        name,
        given ?? allowed?.[0] ?? values[type] ?? null,
      ]),
  );
}
