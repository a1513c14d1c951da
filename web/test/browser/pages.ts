// The built site for the tests: one publication and the other dossiers as drafts, and a site of a hostile dossier alone.
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { ROOT, archive } from './browser.ts';
import { HOSTILE_REASONS, writeHostileDossier } from './hostile.ts';

export const PUBLISHED = '2025-10-11-binance-liquidations';
export const DRAFT = '2022-11-ftx-collapse';

export interface Built {
  readonly folder: string;
  readonly root: string;
  readonly workspace: string;
  readonly remove: () => void;
}

function temporary(): { root: string; remove: () => void } {
  const root = mkdtempSync(join(tmpdir(), 'site-pages-'));
  return { root, remove: () => rmSync(root, { recursive: true, force: true }) };
}

/** A site of the dossiers in incidents/, one of them published on the chain inside a workspace. */
export function buildSite(): Built {
  const { root, remove } = temporary();
  const workspace = join(root, 'workspace');
  const folder = join(root, 'site');
  archive(['publish', join(ROOT, 'incidents', PUBLISHED), '--yes'], workspace);
  archive(['site', 'build', folder, '--incidents', join(ROOT, 'incidents')], workspace);
  return { folder, root, workspace, remove };
}

/** A site of one dossier, and of nothing else. */
export function buildSiteOf(dossier: (folder: string) => string): Built {
  const { root, remove } = temporary();
  const workspace = join(root, 'workspace');
  const folder = join(root, 'site');
  dossier(join(root, 'dossiers'));
  archive(['site', 'build', folder, '--incidents', join(root, 'dossiers')], workspace);
  return { folder, root, workspace, remove };
}

/** A site of a hostile dossier: published twice with other texts, both taken back for hostile reasons, its key trusted under a hostile name. */
export function buildHostileSite(): Built {
  const { root, remove } = temporary();
  const workspace = join(root, 'workspace');
  const folder = join(root, 'site');
  const publish = (dossier: string): { root: string; bundle: string; anchor: { publisher: string } } =>
    JSON.parse(archive(['publish', dossier, '--yes', '--json'], workspace)) as { root: string; bundle: string; anchor: { publisher: string } };
  const first = publish(writeHostileDossier(join(root, 'dossiers')));
  const second = publish(writeHostileDossier(join(root, 'dossiers'), first.root));
  for (const [number, { bundle }] of [first, second].entries()) {
    archive(['retract', bundle, '--network', 'local', '--reason', HOSTILE_REASONS[number] ?? '', '--yes'], workspace);
  }
  archive(['trust', 'remove', second.anchor.publisher], workspace);
  archive(['trust', 'add', 'publisher', second.anchor.publisher, '--name', HOSTILE_REASONS[0]], workspace);
  archive(['site', 'build', folder, '--incidents', join(root, 'dossiers')], workspace);
  return { folder, root, workspace, remove };
}

/** Every HTML page of a site, relative, with slashes. */
export function pagesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.html') && statSync(join(folder, name)).isFile())
    .map((name) => relative('.', name).split(sep).join('/'))
    .sort();
}

/** One page of each kind of an incident, in one language: what a reader can come to. */
export function kinds(folder: string, language: 'en' | 'zh', incident: string): string[] {
  const sections = ['index', 'claims', 'statements', 'figures', 'questions', 'findings', 'evidence', 'parties', 'proof'].map((name) => `${language}/${incident}/${name}.html`);
  const all = pagesOf(folder);
  const file = all.find((name) => name.startsWith(`${language}/${incident}/`) && !sections.includes(name) && /class="data"|class="raw"/.test(readFileSync(join(folder, name), 'utf8')));
  return ['index.html', `${language}/index.html`, `${language}/policy.html`, ...sections, ...(file === undefined ? [] : [file])].filter((name) => all.includes(name));
}
