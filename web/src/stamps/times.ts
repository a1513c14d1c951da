/** Moments, in seconds since 1970, in the words of the reports. */

/** `2026-11-24T20:55:00+00:00`, as Python's isoformat writes it. */
export function isoTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 19) + '+00:00';
}

/** `2026-11-24 20:55:00` */
export function plainTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');
}

/** `2026-11-24` */
export function plainDay(seconds: number): string {
  return plainTime(seconds).slice(0, 10);
}
