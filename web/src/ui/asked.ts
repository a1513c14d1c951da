/** The addresses that the user asks to be asked, one a line. */
import { isLocal } from './links.ts';

export interface Asked {
  readonly urls: readonly string[];
  readonly hosts: readonly string[];
  /** The first line that is no such address. */
  readonly bad: string | null;
}

export function readAddresses(text: string): Asked {
  const urls: string[] = [];
  const hosts = new Set<string>();
  for (const line of text.split(/\s+/).filter(Boolean)) {
    let url: URL;
    try {
      url = new URL(line);
    } catch {
      return { urls: [], hosts: [], bad: line };
    }
    if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLocal(url.hostname)))
      return { urls: [], hosts: [], bad: line };
    urls.push(line);
    hosts.add(url.host);
  }
  return { urls, hosts: [...hosts], bad: null };
}

/** How many must agree: null for the rule, undefined for what cannot be. */
export function readQuorum(text: string, hosts: number): number | null | undefined {
  if (text.trim() === '') return null;
  const value = /^[0-9]{1,2}$/.test(text.trim()) ? Number(text.trim()) : 0;
  return value >= 1 && value <= hosts ? value : undefined;
}
