/** A JPEG or PNG without metadata, as `archive redact` makes it: the picture itself is not encoded again. */
import { concatBytes, utf8ToBytes } from '../bytes.ts';
import { ArchiveError } from '../errors.ts';

const PNG_START = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
/** The chunks that are the picture; text, times, EXIF and what nobody knows are not. */
const PNG_KEPT = new Set(
  'IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB bKGD pHYs hIST sPLT acTL fcTL fdAT cICP mDCv cLLi'.split(' '),
);
const ICC = utf8ToBytes('ICC_PROFILE\0');
const JFIF = utf8ToBytes('JFIF\0');

/** Throws ArchiveError `redact.image` for anything else, or a damaged file. */
export function stripMetadata(data: Uint8Array): Uint8Array {
  if (startsWith(data, Uint8Array.of(0xff, 0xd8, 0xff), 0)) return stripJpeg(data);
  if (startsWith(data, PNG_START, 0)) return stripPng(data);
  throw wrong('neither a JPEG nor a PNG');
}

function stripJpeg(data: Uint8Array): Uint8Array {
  const kept = [data.subarray(0, 2)];
  let position = 2;
  for (;;) {
    if (position + 4 > data.length || data[position] !== 0xff) throw wrong('the JPEG is damaged');
    const marker = data[position + 1]!;
    if (marker === 0xff) {
      position += 1;
      continue;
    }
    const length = (data[position + 2]! << 8) | data[position + 3]!;
    const segment = data.subarray(position, position + 2 + length);
    if (length < 2 || segment.length !== 2 + length) throw wrong('the JPEG is damaged');
    if (isPicture(marker, segment)) kept.push(segment);
    position += 2 + length;
    if (marker === 0xda) {
      // What other pictures hide behind the end goes.
      return concatBytes(...kept, data.subarray(position, endOfPicture(data, position)));
    }
  }
}

/** APP0 (JFIF), the colour profile in APP2 and Adobe's APP14 change how the picture looks. */
function isPicture(marker: number, segment: Uint8Array): boolean {
  if (marker === 0xe0) return startsWith(segment, JFIF, 4);
  if (marker === 0xee) return true;
  if (marker === 0xe2) return startsWith(segment, ICC, 4);
  return !((marker >= 0xe0 && marker <= 0xef) || marker === 0xfe);
}

/** The place after the first end marker outside of segments. */
function endOfPicture(data: Uint8Array, from: number): number {
  let position = from;
  for (;;) {
    position = data.indexOf(0xff, position);
    const marker = position < 0 ? undefined : data[position + 1];
    if (marker === undefined) throw wrong('the JPEG has no end');
    if (marker === 0xd9) return position + 2;
    if (marker === 0xff) {
      position += 1;
    } else if (marker === 0x00 || (marker >= 0xd0 && marker <= 0xd7)) {
      position += 2;
    } else if ((marker >= 0xe0 && marker <= 0xef) || marker === 0xfe) {
      throw wrong('the JPEG holds metadata between its scans');
    } else {
      position += 2 + (((data[position + 2] ?? 0) << 8) | (data[position + 3] ?? 0));
    }
  }
}

function stripPng(data: Uint8Array): Uint8Array {
  const kept: Uint8Array[] = [PNG_START];
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let position = PNG_START.length;
  while (position + 12 <= data.length) {
    const length = view.getUint32(position);
    const name = String.fromCharCode(...data.subarray(position + 4, position + 8));
    const chunk = data.subarray(position, position + 12 + length);
    if (chunk.length !== 12 + length) break;
    if (PNG_KEPT.has(name)) kept.push(chunk);
    if (name === 'IEND') return concatBytes(...kept);
    position += 12 + length;
  }
  throw wrong('the PNG is damaged');
}

function startsWith(data: Uint8Array, start: Uint8Array, at: number): boolean {
  return start.every((byte, i) => data[at + i] === byte);
}

function wrong(message: string): ArchiveError {
  return new ArchiveError('redact.image', message);
}
