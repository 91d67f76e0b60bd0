/** Bounds on what an upstream may send. */
export interface AnswerLimits {
  /** Longest line or event of a stream, in UTF-16 units, or in bytes where a library cuts it. Default: 1 MiB. */
  readonly eventLength: number;
  /** Longest stream, bytes. Default: 64 MiB. */
  readonly streamBytes: number;
  /** Longest answer without `stream`, bytes. Default: 32 MiB. */
  readonly bodyBytes: number;
}

export const DEFAULT_LIMITS: AnswerLimits = {
  eventLength: 1024 * 1024,
  streamBytes: 64 * 1024 * 1024,
  bodyBytes: 32 * 1024 * 1024,
};
