/** Moments in words, and times as records write them (docs/record.md). */

const LAST_SECOND = 253_402_300_799; // of the year 9999
const FIRST_SECOND = -62_135_596_800; // of the year 1

/** A moment for reading: `2025-10-10 21:36:00 UTC`. Seconds since 1970. */
export function moment(timestamp: number): string {
  if (timestamp < FIRST_SECOND || timestamp > LAST_SECOND) return `${timestamp} seconds after 1970`;
  return new Date(timestamp * 1000).toISOString().slice(0, 19).replace('T', ' ') + ' UTC';
}

/** The same to the minute. */
export function day(timestamp: number): string {
  return moment(timestamp).replace(/:\d\d UTC$/, ' UTC');
}

/** The instants a written time can mean, in milliseconds since 1970: `earliest` ≤ t < `latest`. */
export interface Instants {
  readonly earliest: number;
  readonly latest: number;
  readonly precision: string;
}

/** A time that is none: `record.time`, or `record.time_offset` where only the offset lacks. */
export interface TimeFault {
  readonly code: string;
  readonly message: string;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** How far local time is ahead of UTC, and behind it, at most. */
export const AHEAD = 14 * HOUR;
export const BEHIND = 12 * HOUR;
const FORM = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(?:\.(\d{3}))?(Z|[+-]\d\d:\d\d))?)?)?$/;
const NO_OFFSET = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?$/;
const NO_SUCH = { code: 'record.time', message: 'there is no such date or time' };
// Moments before the year 1 and after 9999 are none in Python's datetime.
const FIRST = FIRST_SECOND * 1000;
const END = (LAST_SECOND + 1) * 1000;

/** Reads a time as written; its precision is the finest that its form shows. */
export function parseTime(text: string): Instants | TimeFault {
  const match = FORM.exec(text);
  if (match === null) {
    if (NO_OFFSET.test(text)) return { code: 'record.time_offset', message: 'the time has no offset; add Z or one like +08:00' };
    return { code: 'record.time', message: 'a time is written 2022, 2022-11, 2022-11-02 or 2025-10-11T05:12:00+08:00' };
  }
  const [year, month, day_, hour, minute, second, milli] = match.slice(1, 8).map((part) => (part === undefined ? null : Number(part)));
  if (hour !== null) {
    if (hour! > 23 || minute! > 59 || second! > 59) return NO_SUCH;
    const offset = offsetOf(match[8]!);
    const local = utc(year!, month!, day_!);
    if (offset === null || local === null) return NO_SUCH;
    const earliest = local + hour! * HOUR + minute! * 60_000 + second! * 1000 + (milli ?? 0) - offset;
    return within(earliest, earliest + (milli === null ? 1000 : 1), milli === null ? 'second' : 'millisecond');
  }
  const start = utc(year!, month ?? 1, day_ ?? 1);
  if (start === null) return NO_SUCH;
  if (day_ !== null) return within(start - AHEAD, start + DAY + BEHIND, 'day');
  const next = month !== null && month! < 12 ? utc(year!, month! + 1, 1) : utc(year! + 1, 1, 1);
  if (next === null) return NO_SUCH;
  return within(start - AHEAD, next + BEHIND, month !== null ? 'month' : 'year');
}

function within(earliest: number, latest: number, precision: string): Instants | TimeFault {
  return earliest < FIRST || latest >= END ? NO_SUCH : { earliest, latest, precision };
}

function utc(year: number, month: number, day_: number): number | null {
  if (year < 1 || year > 9999 || month < 1 || month > 12 || day_ < 1) return null;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day_);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day_ ? date.getTime() : null;
}

/** Milliseconds; null for an offset of a day or more, or with more than 59 minutes. */
function offsetOf(text: string): number | null {
  if (text === 'Z') return 0;
  const hours = Number(text.slice(1, 3));
  const minutes = Number(text.slice(4, 6));
  if (hours > 23 || minutes > 59) return null;
  return (text[0] === '-' ? -1 : 1) * (hours * HOUR + minutes * 60_000);
}
