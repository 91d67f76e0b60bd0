/** What the process of the upstream is asked. */
export type UpstreamRequestMessage = { readonly kind: 'start' } | { readonly kind: 'stats' };

/** What it has done since it began. */
export interface UpstreamStats {
  /** Chat completions that arrived. */
  readonly calls: number;
  /** Of these, being answered now. */
  readonly open: number;
  /** Of these, hung up on before their answer was through. */
  readonly cancelled: number;
  /** CPU that the process took, ms. */
  readonly cpuMs: number;
}

/** What it answers. */
export type UpstreamReplyMessage =
  | { readonly kind: 'ready'; readonly port: number }
  | { readonly kind: 'stats'; readonly stats: UpstreamStats };
