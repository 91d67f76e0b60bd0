import type { LanguageModelV4FilePart, LanguageModelV4TextPart } from '@ai-sdk/provider';
import { isRecord } from '../json.js';
import { KINDS, type AiSdkKind } from './kinds.js';
import { RequestError } from '../request-error.js';

type Part = LanguageModelV4TextPart | LanguageModelV4FilePart;

/** By the end of a name; where a provider wants the type of something that it fetches itself. */
const TYPES_BY_ENDING: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  heic: 'image/heic',
  pdf: 'application/pdf',
  txt: 'text/plain',
};

const AUDIO_TYPES: Readonly<Record<string, string>> = { wav: 'audio/wav', mp3: 'audio/mpeg' };

/** `data:<type>;base64,<data>`, with parameters between the two. */
const DATA_URL = /^data:([\w.+-]+\/[\w.+-]+)?(;[\w-]+=[^;,]*)*(;base64)?,/i;

/**
 * The content of a message in parts: text, images, sounds and files as far as the kind takes them.
 * @param path of the content in the body: `messages[0].content`
 */
export function toParts(content: unknown, kind: AiSdkKind, path: string): Part[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  if (content === null || content === undefined) return [];
  if (!Array.isArray(content)) throw new RequestError(path, 'expected a text or a list of parts');
  const parts = content.map((part, at) => toPart(part, kind, `${path}[${at}]`));
  // The providers refuse empty ones, which some clients send beside an image.
  return parts.length > 1 ? parts.filter((part) => part.type !== 'text' || part.text !== '') : parts;
}

/** The text of a content that may hold nothing else. */
export function toText(content: unknown, path: string): string {
  if (content === null || content === undefined) return '';
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) throw new RequestError(path, 'expected a text or a list of parts');
  return content
    .map((part: unknown, at) => {
      if (isRecord(part) && typeof part['text'] === 'string') return part['text'];
      if (isRecord(part) && typeof part['refusal'] === 'string') return part['refusal'];
      throw new RequestError(`${path}[${at}]`, 'only text may stand here');
    })
    .join('');
}

function toPart(part: unknown, kind: AiSdkKind, path: string): Part {
  const type = isRecord(part) ? part['type'] : undefined;
  if (!isRecord(part) || typeof type !== 'string')
    throw new RequestError(path, 'expected a part with a type');
  const value = part[type];
  switch (type) {
    case 'text':
      if (typeof value !== 'string') throw new RequestError(`${path}.text`, 'expected a text');
      return { type: 'text', text: value };
    case 'image_url':
      return toImage(isRecord(value) ? value['url'] : value, kind, `${path}.image_url`);
    case 'input_audio':
      return toAudio(value, kind, `${path}.input_audio`);
    case 'file':
      return toFile(value, kind, `${path}.file`);
    default:
      throw new RequestError(`${path}.type`, `the provider does not take parts of the type ${type}`);
  }
}

function toImage(url: unknown, kind: AiSdkKind, path: string): LanguageModelV4FilePart {
  if (typeof url !== 'string') throw new RequestError(path, 'expected a URL');
  const inline = readDataUrl(url);
  if (inline) return toFilePart(inline.data, inline.mediaType ?? 'image/*');
  return toUrlPart(url, { kind, path, otherwise: kind === 'gemini' ? 'image/jpeg' : 'image/*' });
}

function toAudio(value: unknown, kind: AiSdkKind, path: string): LanguageModelV4FilePart {
  if (!KINDS[kind].audio) throw new RequestError(path, 'the provider does not take audio');
  const { data, format } = isRecord(value) ? value : {};
  if (typeof data !== 'string') throw new RequestError(`${path}.data`, 'expected base64');
  const type = AUDIO_TYPES[String(format)];
  if (type === undefined) throw new RequestError(`${path}.format`, 'expected wav or mp3');
  return toFilePart(data, type);
}

function toFile(value: unknown, kind: AiSdkKind, path: string): LanguageModelV4FilePart {
  const { file_data: data, file_id: id, filename } = isRecord(value) ? value : {};
  if (typeof data !== 'string') {
    const why = id === undefined ? 'expected file_data' : 'the provider does not know files by file_id';
    throw new RequestError(path, why);
  }
  const name = typeof filename === 'string' ? { filename } : {};
  const inline = readDataUrl(data);
  const otherwise = typeByEnding(String(filename)) ?? 'application/pdf';
  if (inline) return { ...toFilePart(inline.data, inline.mediaType ?? otherwise), ...name };
  if (/^https?:/i.test(data)) return { ...toUrlPart(data, { kind, path, otherwise }), ...name };
  return { ...toFilePart(data, otherwise), ...name };
}

/** The base64 of a data URL and its type, if it names one; undefined for any other URL. */
function readDataUrl(url: string): { readonly data: string; readonly mediaType?: string } | undefined {
  const match = DATA_URL.exec(url);
  if (!match) return undefined;
  const [head, mediaType, , base64] = match;
  const rest = url.slice(head.length);
  const data = base64 ? rest : Buffer.from(decode(rest)).toString('base64');
  return { data, ...(mediaType && { mediaType: mediaType.toLowerCase() }) };
}

/** A lone `%` is no escape. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function toFilePart(data: string, mediaType: string): LanguageModelV4FilePart {
  return { type: 'file', mediaType, data: { type: 'data', data } };
}

/** Only the provider may fetch it: an address from a body is never one that we open. */
function toUrlPart(
  text: string,
  { kind, path, otherwise }: { kind: AiSdkKind; path: string; otherwise: string },
): LanguageModelV4FilePart {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:') throw new RequestError(path, 'expected a data: or an https: URL');
  if (!KINDS[kind].fetchesUrls) {
    throw new RequestError(path, 'the provider does not fetch URLs; send the data itself, as a data: URL');
  }
  return {
    type: 'file',
    mediaType: typeByEnding(url.pathname) ?? otherwise,
    data: { type: 'url', url },
  };
}

function typeByEnding(name: string): string | undefined {
  return TYPES_BY_ENDING[/\.([a-z]+)$/i.exec(name)?.[1]?.toLowerCase() ?? ''];
}
