// Search as you type, and the zoom of the timeline. Every page reads whole without it. It loads nothing but the search
// index beside it, keeps nothing, and writes text only as text.
'use strict';
(() => {
  const WIDE = /[\u2e80-\u2fff\u3005-\u3007\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff]/u;
  // A run of letters and digits that is not of the wide scripts, with decimals kept together; or a run of those.
  const RUNS = new RegExp(
    `${WIDE.source}+|(?:(?!${WIDE.source})[\\p{L}\\p{N}\\p{M}])+(?:[.,]\\p{Nd}+)*`,
    'gu',
  );
  const SHOWN = 40;

  // ------------------------------------------------------------------------------------------------------- search

  function startSearch(box) {
    const root = box.dataset.root;
    const language = box.dataset.language;
    const kinds = new Map(box.dataset.kinds.split(';').map((pair) => pair.split('=')));
    const input = box.querySelector('input');
    const count = box.querySelector('.count');
    const list = box.querySelector('.results');
    const waiting = new Map();
    const loaded = new Map();
    let meta = null;
    let turn = 0;

    // The files of the index call these.
    window.archiveSearch = {
      meta: (value) => done('meta', value),
      terms: (n, lines) => done(`t${n}`, new Map(lines)),
      documents: (n, rows) => done(`${language}-d${n}`, rows),
      incidents: (n, rows) => done(`${language}-i${n}`, rows),
    };

    function done(name, value) {
      loaded.set(name, value);
      const told = waiting.get(name);
      if (told) told.resolve(value);
    }

    function load(name) {
      if (loaded.has(name)) return Promise.resolve(loaded.get(name));
      if (waiting.has(name)) return waiting.get(name).promise;
      const told = {};
      told.promise = new Promise((resolve, reject) => Object.assign(told, { resolve, reject }));
      waiting.set(name, told);
      const script = document.createElement('script');
      script.src = `${root}search/${name}.js`;
      script.onerror = () => {
        waiting.delete(name);
        told.reject(new Error(name));
      };
      document.head.append(script);
      return told.promise;
    }

    const fold = (text) => text.normalize('NFKC').toLowerCase();

    // Terms of a query: [term, whether longer words count too].
    function termsOf(query) {
      const found = new Map();
      for (const part of fold(query).match(RUNS) ?? []) {
        if (!WIDE.test(part)) {
          const word = part.replaceAll(',', '');
          if (word.length > 1) found.set(word.slice(0, 40), true);
          continue;
        }
        const chars = [...part];
        if (chars.length === 1) found.set(part, true);
        for (let at = 0; at + 1 < chars.length; at += 1) found.set(chars[at] + chars[at + 1], false);
      }
      return [...found];
    }

    function shardOf(term) {
      const chars = [...term];
      const key = WIDE.test(chars[0]) ? chars.slice(0, 1) : chars.slice(0, 2);
      let value = 0;
      for (const char of key) value = (Math.imul(value, 31) + char.codePointAt(0)) >>> 0;
      return value % meta.shards;
    }

    // Documents of a term, with how well they fit; `all` is false where the index does not list every one.
    async function documentsOf([term, longer]) {
      const shard = await load(`t${shardOf(term)}`);
      const scores = new Map();
      let all = true;
      for (const [word, packed] of shard) {
        if (word !== term && !(longer && word.startsWith(term))) continue;
        if (packed.endsWith('+')) all = false;
        let at = 0;
        for (const step of packed.replace('+', '').split('.')) {
          at += parseInt(step, 36);
          scores.set(at, Math.max(scores.get(at) ?? 0, word === term ? 2 : 1));
        }
      }
      return { scores, all };
    }

    async function search() {
      const mine = ++turn;
      const query = input.value.trim();
      try {
        meta ??= await load('meta');
        const terms = termsOf(query);
        if (!terms.length) return mine === turn && show([], '', terms);
        const found = await Promise.all(terms.map(documentsOf));
        // A term that is too common to be listed whole only helps to sort.
        const strict = found.filter((one) => one.all).length ? found.filter((one) => one.all) : found.slice(0, 1);
        const hits = [];
        for (const [at] of strict[0].scores) {
          if (!strict.every((one) => one.scores.has(at))) continue;
          let score = at < meta.incidents ? 3 : 0;
          for (const one of found) score += one.scores.get(at) ?? 0;
          hits.push([at, score]);
        }
        hits.sort((a, b) => b[1] - a[1] || a[0] - b[0]);
        const rows = await Promise.all(
          hits.slice(0, SHOWN).map(async ([at]) => {
            const row = (await load(`${language}-d${Math.floor(at / meta.block)}`))[at % meta.block];
            const names = await load(`${language}-i${Math.floor(row[0] / meta.block)}`);
            return { row, name: names[row[0] % meta.block] };
          }),
        );
        if (mine !== turn) return;
        const many = hits.length > SHOWN || strict.length < found.length || found.some((one) => !one.all);
        const words = !hits.length ? box.dataset.none : many ? box.dataset.more : box.dataset.found;
        show(rows, words.replace('{n}', String(hits.length)).replace('{query}', query), terms);
      } catch {
        if (mine === turn) show([], box.dataset.failed, []);
      }
    }

    function show(rows, words, terms) {
      count.textContent = words;
      list.replaceChildren(
        ...rows.map(({ row: [, page, id, kind, excerpt], name: [slug, title] }) => {
          const item = document.createElement('li');
          const link = document.createElement('a');
          link.href = `${root}${language}/${slug}/${page}${id ? `#${id}` : ''}`;
          link.append(...marked(kind === 'incident' ? title : excerpt, terms));
          const place = document.createElement('span');
          place.className = 'in';
          place.textContent = kind === 'incident' ? excerpt : `${kinds.get(kind) ?? kind} · ${title}`;
          item.append(link, place);
          return item;
        }),
      );
    }

    function marked(text, terms) {
      const lower = text.toLowerCase();
      if (lower.length !== text.length) return [text];
      const spans = [];
      for (const [term] of terms) {
        for (let at = lower.indexOf(term); at >= 0; at = lower.indexOf(term, at + term.length)) spans.push([at, at + term.length]);
      }
      spans.sort((a, b) => a[0] - b[0]);
      const parts = [];
      let at = 0;
      for (const [from, to] of spans) {
        if (to <= at) continue;
        const begin = Math.max(from, at);
        parts.push(text.slice(at, begin));
        const mark = document.createElement('mark');
        mark.textContent = text.slice(begin, to);
        parts.push(mark);
        at = to;
      }
      parts.push(text.slice(at));
      return parts;
    }

    let timer = 0;
    input.addEventListener('input', () => {
      clearTimeout(timer);
      timer = setTimeout(search, 120);
    });
    input.addEventListener('focus', () => load('meta').catch(() => undefined), { once: true });
    if (input.value) search();
  }

  // ----------------------------------------------------------------------------------------------------- timeline

  const MINUTE = 60000;
  const DAY = 1440 * MINUTE;
  const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 7200, 14400, 43200, 129600, 525600, 2628000].map((m) => m * MINUTE);
  const [WIDTH, LEFT, RIGHT, TOP, ROW, BOTTOM, MOST] = [1000, 420, 14, 44, 24, 34, 60];
  const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
  const SVG = 'http://www.w3.org/2000/svg';

  function startTimeline(figure) {
    const { offset, shown, language, start, end, allStart, allEnd } = figure.dataset;
    const ahead = Number(offset) * MINUTE;
    const home = [Number(start), Number(end)];
    const whole = [Number(allStart), Number(allEnd)];
    const svg = figure.querySelector('svg');
    const ticks = figure.querySelector('.ticks');
    const range = figure.querySelector('.range');
    const tools = figure.querySelector('.tools');
    const caption = figure.querySelector('figcaption');
    const marks = [...figure.querySelectorAll('.mark')].map((element) => ({
      element,
      start: Number(element.dataset.start),
      end: Number(element.dataset.end),
      bar: element.querySelector('rect'),
      no: element.querySelector('.no'),
      words: element.querySelector('.words'),
    }));
    let view = home;

    const pad = (n) => String(n).padStart(2, '0');
    const date = (at) => {
      const d = new Date(at);
      const [y, m, day] = [d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate()];
      return language === 'zh' ? `${y}年${m + 1}月${day}日` : `${day} ${MONTHS[m]} ${y}`;
    };
    const clock = (at) => `${pad(new Date(at).getUTCHours())}:${pad(new Date(at).getUTCMinutes())}`;

    function put(name, attributes, text) {
      const element = document.createElementNS(SVG, name);
      for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
      if (text !== undefined) element.textContent = text;
      ticks.append(element);
    }

    function draw() {
      const [from, to] = view;
      const scale = (WIDTH - LEFT - RIGHT) / (to - from);
      let rows = 0;
      for (const mark of marks) {
        const visible = mark.end >= from && mark.start <= to && (mark.end - mark.start <= to - from || mark.start >= from || mark.end <= to) && rows < MOST;
        mark.element.classList.toggle('off', !visible);
        if (!visible) continue;
        const y = TOP + rows * ROW + ROW / 2;
        rows += 1;
        const first = Math.max(mark.start, from);
        const last = Math.min(mark.end, to);
        const x = LEFT + (first - from) * scale;
        const width = Math.max((last - first) * scale, 5);
        mark.bar.setAttribute('x', x.toFixed(1));
        mark.bar.setAttribute('y', (y - 5).toFixed(1));
        mark.bar.setAttribute('width', width.toFixed(1));
        mark.no.setAttribute('y', (y + 4).toFixed(1));
        mark.words.setAttribute('y', (y + 4).toFixed(1));
      }
      const height = TOP + Math.max(rows, 1) * ROW + BOTTOM;
      svg.setAttribute('viewBox', `0 0 ${WIDTH} ${height}`);
      svg.setAttribute('height', String(height));
      ticks.replaceChildren();
      const step = STEPS.find((one) => (to - from) / one <= 10) ?? STEPS.at(-1);
      const shift = step >= DAY ? ahead : 0;
      const label = (at) => (step >= DAY ? date(at) : clock(at));
      for (let at = Math.ceil((from + shift) / step) * step - shift; at <= to; at += step) {
        const x = (LEFT + (at - from) * scale).toFixed(1);
        put('line', { x1: x, x2: x, y1: 38, y2: height - 8 });
        if (x > WIDTH - (step >= DAY ? 48 : 20)) continue; // no room for its label
        put('text', { x, y: 16 }, label(at));
        if (ahead) put('text', { x, y: 32, class: 'local' }, label(at + ahead));
      }
      range.textContent = shown.replace('{start}', `${date(from)} ${clock(from)}`).replace('{end}', `${date(to)} ${clock(to)}`);
      // It tells of the incident's window only.
      caption.hidden = view[0] !== home[0] || view[1] !== home[1];
      for (const button of tools.querySelectorAll('button')) {
        const same = (one) => one[0] === view[0] && one[1] === view[1];
        if (button.dataset.do === 'home') button.setAttribute('aria-pressed', String(same(home)));
        if (button.dataset.do === 'all') button.setAttribute('aria-pressed', String(same(whole)));
      }
    }

    function look(from, to) {
      const span = Math.min(Math.max(to - from, 2 * MINUTE), Math.max(whole[1] - whole[0], 2 * MINUTE));
      const middle = (from + to) / 2;
      view = [Math.round(middle - span / 2), Math.round(middle + span / 2)];
      draw();
    }

    // The first entry of the present view: where a closer look begins.
    const focus = () => {
      const inside = marks.filter((mark) => mark.start >= view[0] && mark.start <= view[1] && !mark.element.classList.contains('vague'));
      return inside.length ? inside[0].start : (view[0] + view[1]) / 2;
    };
    const acts = {
      home: () => ((view = home), draw()),
      all: () => ((view = whole), draw()),
      hour: () => look(focus() - 5 * MINUTE, focus() + 55 * MINUTE),
      minutes: () => look(focus() - MINUTE, focus() + 9 * MINUTE),
      in: () => look(view[0] + (view[1] - view[0]) / 4, view[1] - (view[1] - view[0]) / 4),
      out: () => look(view[0] - (view[1] - view[0]) / 2, view[1] + (view[1] - view[0]) / 2),
      earlier: () => look(view[0] - (view[1] - view[0]) / 2, view[1] - (view[1] - view[0]) / 2),
      later: () => look(view[0] + (view[1] - view[0]) / 2, view[1] + (view[1] - view[0]) / 2),
    };
    tools.addEventListener('click', (event) => {
      const button = event.target.closest('button');
      if (button) acts[button.dataset.do]();
    });
    figure.querySelector('.scroll').addEventListener('keydown', (event) => {
      const act = { '+': 'in', '=': 'in', '-': 'out', Home: 'home' }[event.key];
      if (act) {
        event.preventDefault();
        acts[act]();
      }
    });
    draw();
  }

  const box = document.getElementById('_search');
  if (box) startSearch(box);
  const figure = document.getElementById('_chart');
  if (figure) startTimeline(figure);
})();
