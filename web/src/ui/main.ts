import { App } from './app.ts';

const source = document.getElementById('worker')!;
new App(document.getElementById('app')!, () => source.textContent!);
document.documentElement.dataset['ready'] = '';
