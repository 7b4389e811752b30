'use strict';
// What a client or a file says is set as text and nothing else: this script makes no markup of strings.
const REASONS = ['infrastructure', 'proxy-shown', 'inside-asserted', 'proxy-untrusted', 'proxy-missing', 'peer-unknown', 'address-missing', 'shared-suspect', 'undecided', 'real', 'internal', 'probe'];
const OUTCOMES = { refused: 'refused', flagged: 'flagged', passed: 'let through' };
const SVG = 'http://www.w3.org/2000/svg';
const asked = { minutes: 60, listener: '' };
let answer = null;     // the last one
let answered = 0;      // when, by this browser's clock
let trouble = '';      // why the last question got none
let held = false;
let waiting = false;

const byId = id => document.getElementById(id);

function make(tag, attributes, ...children) {
  const element = ['svg', 'rect', 'line', 'text', 'title', 'pattern', 'defs'].includes(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== undefined)
      element.setAttribute(name, value);
  }
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
}

// Puts new content in place only where it differs: what is selected, or pointed at, stays as long as it is true.
const shown = new Map();
function put(id, key, ...children) {
  const text = JSON.stringify(key);
  if (shown.get(id) === text)
    return false;
  shown.set(id, text);
  byId(id).replaceChildren(...children.flatMap(child => typeof child === 'function' ? child() : child));
  return true;
}

// ---- Numbers and times, by the server's clock and in its zone: as its logs have them.
const number = value => String(value).replace(/\B(?=(\d{3})+$)/g, ',');
const two = value => String(value).padStart(2, '0');
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const local = seconds => new Date((seconds + answer['utc-offset']) * 1000);
const clock = (seconds, withSeconds) => {
  const time = local(seconds);
  return two(time.getUTCHours()) + ':' + two(time.getUTCMinutes()) + (withSeconds ? ':' + two(time.getUTCSeconds()) : '');
};
const day = seconds => { const time = local(seconds); return months[time.getUTCMonth()] + ' ' + time.getUTCDate(); };
const when = (seconds, withSeconds = true) => (day(seconds) === day(answer.now) ? '' : day(seconds) + ' ') + clock(seconds, withSeconds);
const zone = () => {
  const minutes = Math.abs(answer['utc-offset']) / 60;
  return 'UTC' + (minutes === 0 ? '' : (answer['utc-offset'] < 0 ? '\u2212' : '+') + two(Math.floor(minutes / 60)) + ':' + two(minutes % 60));
};
function span(seconds) {
  for (const [size, name] of [[86400, 'day'], [3600, 'hour'], [60, 'minute']]) {
    if (seconds >= 2 * size)
      return Math.floor(seconds / size) + ' ' + name + 's';
  }
  return seconds < 60 ? 'less than a minute' : '1 minute';
}
const ago = seconds => seconds === null ? 'never' : span(Math.max(0, answer.now - seconds)) + ' ago';

// `words` become code.
const prose = text => text.split('`').map((part, index) => index % 2 ? make('code', null, part) : part);

// ---- The top.
function showTop() {
  const { summary, rules } = answer;
  const word = { good: 'All is well', note: 'Quiet', warn: 'Have a look', bad: 'Look now' }[summary.level];
  const modes = new Set(answer.listeners.filter(one => one['in-force'] && one.listener !== '-').map(one => one.mode));
  const mode = modes.size > 1 ? 'modes differ' : 'mode ' + (modes.size ? [...modes][0] : rules.mode);
  byId('summary').className = summary.level;
  put('sentence', [word, summary.sentence], () => [make('span', { class: 'word ' + summary.level }, word), summary.sentence]);
  put('advice', summary.advice, () => summary.advice.map(text => make('p', null, ...prose(text))));
  const addresses = summary.addresses || [];
  put('addresses', addresses, () => addresses.length === 0 ? [] : [
    'Most often: ', ...addresses.flatMap((one, index) => [index ? ', ' : '', make('span', { class: 'a' }, one.address), ` (${number(one.count)})`])]);
  byId('mode').textContent = mode;
  byId('mode').hidden = false;
  byId('program').textContent = `${answer.program} ${answer.version} on ${answer.host}, up ${span(answer.now - answer.started)}`;
  byId('foot').textContent = `Times are the server's (${zone()}). A check is one question of the mail server or one login: a session can be several. Charts count since ` +
    `${when(answer.history['counted-since'])}. It holds addresses of people: keep it to yourself.`;
  document.title = ({ good: '', note: 'quiet: ', warn: '(!) ', bad: '(!!) ' })[summary.level] + 'mail-realip ' + answer.host;
  byId('notices').hidden = answer.notices.length === 0;
  put('notices', answer.notices, () => answer.notices.map(one => make('li', { class: one.level }, make('span', null, ...prose(one.text)))));
}

// ---- The chart.
const hatched = outcome => outcome !== 'refused';
const isShown = series => series.problem || byId('all').checked;
const color = reason => REASONS.includes(reason) ? `var(--${reason})` : 'var(--faint)';
const label = series => series.problem ? `${series.reason}, ${OUTCOMES[series.outcome]}` : series.reason;

function sorted(list) {
  return [...list].sort((a, b) => REASONS.indexOf(a.reason) - REASONS.indexOf(b.reason) || a.outcome.localeCompare(b.outcome));
}

// Of 1, 2 or 5 and zeros: what the axis ends with.
function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return [1, 2, 5, 10].map(factor => factor * power).find(limit => limit >= value);
}

const hatching = id => make('defs', null, make('pattern', { id, width: 6, height: 6, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
  make('line', { class: 'hatch', x1: 0, y1: 0, x2: 0, y2: 6 })));

function block(series, x, y, width, height, hatch) {
  const solid = make('rect', { x, y, width, height, style: null });
  solid.style.fill = color(series.reason);
  return series.problem && hatched(series.outcome) ? [solid, make('rect', { x, y, width, height, fill: `url(#${hatch})` })] : [solid];
}

function columnTitle(list, index, begins, step) {
  const counts = list.filter(series => series.counts[index] > 0).map(series => `${label(series)}: ${number(series.counts[index])}`);
  return `${when(begins + index * step, false)}\u2013${clock(begins + (index + 1) * step, false)}\n${counts.join('\n')}`;
}

function drawChart(width, height) {
  const { begins, step, minutes } = answer.history;
  const list = sorted(answer.history.series.filter(isShown));
  const columns = minutes * 60 / step;
  const left = 42, bottom = 20, top = 8;
  const pace = (width - left) / columns, room = height - bottom - top;
  const sums = Array.from({ length: columns }, (_, index) => list.reduce((sum, series) => sum + series.counts[index], 0));
  const most = ceiling(Math.max(1, ...sums));
  const svg = make('svg', { viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true' }, hatching('hatch'));
  for (const value of most === 1 ? [0, 1] : [0, most / 2, most]) {
    const y = top + room * (1 - value / most);
    svg.append(make('line', { class: 'grid', x1: left, x2: width, y1: y, y2: y }), make('text', { x: left - 6, y: y + 4, 'text-anchor': 'end' }, number(value)));
  }
  sums.forEach((sum, index) => {
    if (sum === 0)
      return;
    let y = top + room;
    const group = document.createElementNS(SVG, 'g');
    group.append(make('title', null, columnTitle(list, index, begins, step)));
    for (const series of list.filter(one => one.counts[index] > 0)) {
      const size = Math.max(1.5, series.counts[index] / most * room);
      y -= size;
      group.append(...block(series, left + index * pace + pace * .08, Math.max(0, y), pace * .84, size, 'hatch'));
    }
    svg.append(group);
  });
  const labels = width < 500 ? 3 : 6;
  for (let part = 0; part <= labels; part++) {
    const x = left + (width - left) * part / labels;
    const text = part === labels ? 'now' : clock(begins + minutes * 60 * part / labels, false);
    svg.append(make('text', { x, y: height - 4, 'text-anchor': part === 0 ? 'start' : part === labels ? 'end' : 'middle' }, text));
  }
  if (list.length === 0)
    svg.append(make('text', { x: left + (width - left) / 2, y: top + room / 2, 'text-anchor': 'middle' }, 'none in this time'));
  return svg;
}

function showChart() {
  const width = Math.max(200, byId('chart').clientWidth), height = byId('chart').clientHeight || 208;
  const list = sorted(answer.history.series.filter(isShown));
  const total = series => series.counts.reduce((sum, count) => sum + count, 0);
  put('chart', [answer.history, width, height, byId('all').checked], () => [drawChart(width, height)]);
  put('legend', list.map(series => [label(series), total(series)]), () => list.map(series => make('span', null,
    make('svg', { viewBox: '0 0 12 12', 'aria-hidden': 'true' }, hatching('hatch-' + series.reason + series.outcome),
      ...block(series, 0, 0, 12, 12, 'hatch-' + series.reason + series.outcome)),
    `${label(series)} ${number(total(series))}`)));
  const { begins, step } = answer.history;
  const rows = list.length === 0 ? [] : list[0].counts.map((_, index) => index).filter(index => list.some(series => series.counts[index] > 0)).reverse();
  put('chart-table', [list, begins, rows], () => [table(['From', ...list.map(label)], rows.map(index => [
    { text: when(begins + index * step, false), head: true, class: 't' }, ...list.map(series => ({ text: number(series.counts[index]), class: 'n' }))]), { numbers: 1 })]);
}

// ---- Tables. A cell is a text, or {text or children, class, head}; on a phone a row becomes a card.
function table(heads, rows, { cards = false, numbers = 99, none = 'none' } = {}) {
  const cell = (content, index) => {
    const one = typeof content === 'object' && content !== null ? content : { text: content };
    const children = one.children || [one.text === null || one.text === undefined ? '' : String(one.text)];
    const empty = children.every(child => child === '' || child === null);
    return make(one.head ? 'th' : 'td', { scope: one.head ? 'row' : null, role: one.head ? 'rowheader' : 'cell', class: ((one.class || '') + (empty ? ' empty' : '')).trim() || null,
      'data-label': heads[index], title: one.title }, make('div', null, ...children));
  };
  if (rows.length === 0)
    return make('p', { class: 'faint' }, none);
  return make('table', { class: cards ? 'cards' : null, role: 'table' },
    make('thead', { role: 'rowgroup' }, make('tr', { role: 'row' }, ...heads.map((head, index) => make('th', { scope: 'col', role: 'columnheader', class: index >= numbers ? 'n' : null }, head)))),
    make('tbody', { role: 'rowgroup' }, ...rows.map(row => make('tr', { role: 'row' }, ...row.map(cell)))));
}

const lines = (...texts) => texts.filter(text => text).map((text, index) => index ? make('span', { class: 'faint' }, text) : text);

// ---- Listeners.
function spark(counts, name) { // none, where there was no problem
  const most = Math.max(1, ...counts);
  const svg = make('svg', { class: 'spark', viewBox: `0 0 ${counts.length || 1} 20`, preserveAspectRatio: 'none', role: 'img',
    'aria-label': `problems at ${name}: ${number(counts.reduce((sum, count) => sum + count, 0))}` }, make('rect', { x: 0, y: 19.5, width: counts.length || 1, height: .5, fill: 'var(--line)' }));
  counts.forEach((count, index) => count > 0 && svg.append(make('rect', { x: index, y: 20 - Math.max(1, count / most * 20), width: .85, height: Math.max(1, count / most * 20), fill: 'var(--bad)' })));
  return svg;
}

const named = title => title === '-' ? 'all others' : title;
const demands = one => [one.proxy === 'optional' ? '' : 'proxy ' + one.proxy, one.attest === 'required' ? 'attested' : one.attest === 'off' ? 'not attested' : '',
  one['allow-internal'] ? 'internal allowed' : ''].filter(text => text).join(', ');

function listenerRow(one) {
  const sum = list => list.reduce((total, each) => total + each.count, 0);
  const problems = one.counts.filter(each => each.problem);
  return [
    { children: lines(named(one.listener), one.at && one.at.length ? one.at.join(', ') : ''), head: true },
    { children: one['in-force'] ? lines(one.mode, demands(one)) : ['no longer in the rules'] },
    { text: one.last === null ? 'none yet' : ago(one.last), class: 't', title: one.last === null ? null : when(one.last) },
    { text: number(sum(one.counts)), class: 'n' },
    { children: problems.length === 0 ? ['none'] : problems.map(each => make('div', null, `${each.reason} ${number(each.count)}, ${OUTCOMES[each.outcome]}`)) },
    { children: [spark(one.problems, named(one.listener))] }];
}

function showListeners() {
  const rows = answer.listeners.filter(one => one.listener !== '-' || one.counts.length > 0 || answer.listeners.length === 1);
  const minutes = answer.history.minutes;
  const heads = ['Listener', 'Mode', 'Last session', 'Checks', 'Problems', `Problems in ${minutes === 60 ? 'the last hour' : 'the last ' + minutes / 60 + ' hours'}`];
  put('listeners', [rows, rows.map(one => one.last === null ? '' : ago(one.last)), minutes], () => [table(heads, rows.map(listenerRow), { cards: true })]);
  const names = answer.listeners.filter(one => one.listener !== '-' || one.counts.length > 0).map(one => one.listener);
  const chosen = byId('listener').value;
  if (put('listener', names, () => ['', ...new Set([...names, ...(chosen ? [chosen] : [])])].map(name => make('option', { value: name }, name === '' ? 'all' : named(name)))))
    byId('listener').value = chosen;
}

// ---- Recent problems.
function did(one) {
  const done = one.action === one.wanted ? one.action : `${one.action}; ${one.wanted} was wanted`;
  return one.action === one.wanted ? [done] : lines(done, 'mode ' + one.mode);
}

function problemRow(one) {
  const who = [one.helo && 'HELO ' + one.helo, one.user && 'user ' + one.user, one.session && 'session ' + one.session].filter(text => text);
  return [
    { text: when(one.time), class: 't', head: true },
    { children: [one.listener || one.service || 'others'] },
    { text: one.client || 'none', class: 'a' },
    { text: one.peer || 'not known', class: 'a' },
    { children: [one.reason], title: one.sentence },
    { children: did(one) },
    { children: lines(one.rule || 'built in', one.network ? 'network ' + one.network : ''), class: 'a' },
    { children: who.map(text => make('div', null, text)), class: 'who' }];
}

function showProblems() {
  byId('problems-section').hidden = !answer.problems;
  if (!answer.problems)
    return;
  const part = byId('filter').value.trim().toLowerCase();
  const rows = answer.problems.filter(one => Object.values(one).some(value => typeof value === 'string' && value.toLowerCase().includes(part)));
  put('problems', [rows, part, day(answer.now)], () => [table(['Time', 'Listener', 'Client', 'Peer', 'Reason', 'Done', 'Rule', 'Who'], rows.map(problemRow),
    { cards: true, none: part ? 'None of the last ones has this text.' : 'None since the start.' })]);
}

function showSuspects() {
  const list = answer.suspects;
  byId('suspects-section').hidden = !Array.isArray(list);
  if (Array.isArray(list))
    put('suspects', [list, answer['suspects-total']], () => [
      table(['Address', 'Clients, about', 'Last session'], list.map(one => [{ text: one.network, class: 'a', head: true }, { text: number(one.clients), class: 'n' },
        { children: lines(one['seconds-ago'] < 60 ? 'just now' : 'about ' + span(one['seconds-ago']) + ' ago', one['told-by-others'] ? 'known from the store' : '') }]),
        { cards: true, numbers: 1, none: 'No address is suspected.' }),
      answer['suspects-total'] > list.length ? make('p', { class: 'faint' }, `${number(answer['suspects-total'] - list.length)} more are not shown.`) : '']);
}

// ---- Networks and health.
function sourceRow(one) {
  return [
    { children: [one.source], class: 'a', head: true },
    { text: one.set },
    { text: number(one.networks), class: 'n' },
    { children: one.stale === null ? ['good'] : lines('stale: ' + one.stale, 'its last good content decides, good ' + ago(one['last-read'])), class: one.stale === null ? '' : 'bad' },
    { text: one.written === null ? 'no file' : ago(one.written), class: 't', title: one.written === null ? null : when(one.written) }];
}

function showNetworks() {
  put('sets', answer.sets, () => answer.sets.map(one => make('div', null, make('dt', null, one.set === 'own' ? "this host's own" : one.set), make('dd', null, number(one.networks)))));
  put('sources', [answer.sources, answer.sources.map(one => [ago(one.written), ago(one['last-read'])]), answer['sources-left-out']], () => [
    table(['Source', 'Set', 'Networks', 'State', 'Written'], answer.sources.map(sourceRow), { cards: true, none: 'All networks stand in the configuration itself: no files are followed.' }),
    answer['sources-left-out'] ? make('p', { class: 'faint' }, `${number(answer['sources-left-out'])} more are not shown.`) : '']);
}

const joined = (...parts) => parts.filter(part => part).join('\n');

function attestationText({ state, since, why, counts, helpers, 'last-failure': failure }) {
  const words = { works: 'works: TCP peers are known', off: 'off: no listener asks for it' }[state] || state;
  return joined([words, why].filter(text => text).join(': ') + (state !== 'off' && since ? `, since ${when(since)}` : ''),
    counts.length && 'attestations: ' + counts.map(one => `${one.cause} ${number(one.count)}`).join(', '),
    failure && `last failure: ${failure.cause}, ${when(failure.at)}`, helpers > 1 && `its helper died and was replaced ${number(helpers - 1)} times`);
}

const STORE = { starting: 'is being connected', works: 'works: policyds count together', down: 'is not reached', wrong: 'is connected, and gives no right answers' };

function storeText(store) {
  const error = store['last-error'];
  return joined(`${store.place} ${STORE[store.state] || store.state}, since ${when(store.since)}`, error && `last error, ${when(error.at)}: ${error.text}`,
    `clients sent ${number(store.sent)}, dropped ${number(store.dropped)}, lost ${number(store.lost)}, waiting ${number(store.waiting)} of ${number(store.room)}; suspects told ${number(store.told)}`,
    `errors ${number(store.errors)}, outages ${number(store.outages)}`);
}

function healthRows() {
  const { rules, attestation, store } = answer;
  const rows = [['Rules', rules.stale ? 'bad' : '', `${rules.file}, loaded ${when(rules.loaded)}` + (rules['reloads-succeeded'] ? `, ${number(rules['reloads-succeeded'])} reloads` : '') +
    (rules.stale ? `\nThe reload of ${rules['failed-at'] ? when(rules['failed-at']) : 'late'} failed, and older rules decide:\n${rules.failed || 'see the log'}` : '')]];
  if (attestation)
    rows.push(['Attestation', attestation.state === 'works' || attestation.state === 'off' ? '' : 'bad', attestationText(attestation)]);
  if (store)
    rows.push(['Store', store.state === 'works' || store.state === 'starting' ? '' : 'warn', storeText(store)]);
  rows.push(['Connections', '', number(answer.connections) + ' open' + (answer.malformed ? `, ${number(answer.malformed)} requests that could not be understood` : '')]);
  rows.push(['Log', answer['log-lines-lost'] ? 'warn' : '', answer['log-lines-lost'] ? `${number(answer['log-lines-lost'])} lines could not be written` : 'every line was written']);
  rows.push(['Started', '', `${when(answer.started)}, ${ago(answer.started)}`]);
  return rows;
}

function showHealth() {
  const rows = healthRows();
  put('health', rows, () => rows.map(([name, level, text]) => make('div', null, make('dt', null, name), make('dd', { class: level || null }, text))));
}

// ---- Asking.
function showLife() {
  const late = answered > 0 && performance.now() - answered > 5000;
  const silent = trouble !== '' || (late && !held);
  byId('silent').hidden = !silent || held;
  if (silent)
    byId('silent-text').textContent = `No answer${answer ? ' since ' + when(answer.now) : ''}: ${trouble || 'the daemon takes long'}. ` +
      `Is ${answer ? answer.program : 'the daemon'} running? What stands below is as old as that.`;
  byId('clock').textContent = answer === null ? '' : held ? `held at ${when(answer.now)}` : silent ? `as of ${when(answer.now)}` : `live, ${when(answer.now)}`;
}

function show() {
  showTop();
  showChart();
  showListeners();
  showProblems();
  showSuspects();
  showNetworks();
  showHealth();
  showLife();
}

// Of the page's own address a browser takes no name and password along.
function place() {
  const url = new URL('status.json', location.href);
  url.username = url.password = url.hash = '';
  url.search = new URLSearchParams(asked.listener === '' ? { minutes: asked.minutes } : asked);
  return url;
}

async function ask() {
  if (waiting || held || document.visibilityState === 'hidden')
    return;
  waiting = true;
  try {
    const reply = await fetch(place(), { cache: 'no-store', credentials: 'same-origin', signal: AbortSignal.timeout(5000) });
    const fresh = await reply.json();
    if (!reply.ok)
      throw new Error(fresh.error || reply.status);
    answer = fresh;
    answered = performance.now();
    trouble = '';
  } catch (error) {
    trouble = error.name === 'TimeoutError' ? 'none within five seconds' : error instanceof TypeError ? 'it is not reached' : error.message;
  }
  waiting = false;
  if (answer !== null && trouble === '' && !held)
    show();
  showLife();
}

function choose(minutes) {
  asked.minutes = minutes;
  for (const button of byId('ranges').children)
    button.setAttribute('aria-pressed', String(Number(button.dataset.minutes) === minutes));
  ask();
}

byId('ranges').addEventListener('click', event => event.target.dataset.minutes && choose(Number(event.target.dataset.minutes)));
byId('listener').addEventListener('change', event => { asked.listener = event.target.value; ask(); });
byId('all').addEventListener('change', () => answer && showChart());
byId('filter').addEventListener('input', () => answer && showProblems());
byId('hold').addEventListener('click', () => {
  held = !held;
  byId('hold').setAttribute('aria-pressed', String(held));
  showLife();
  ask();
});
addEventListener('resize', () => answer && showChart());
document.addEventListener('visibilitychange', ask);
setInterval(ask, 1000);
setInterval(showLife, 1000);
ask();
