/** What is asked of a provider: an endpoint of the OpenAI API, or one that its servers have beside them. */
export type Endpoint = 'chat' | 'completions' | 'embeddings' | 'moderations' | 'rerank';

export interface EndpointTraits {
  /** Behind `/v1` here, and behind the base URL of a provider. */
  readonly path: string;
  /** It knows `stream: true`. */
  readonly streams: boolean;
  /** The member of a whole answer without which it is none, a list with at least one element. */
  readonly answer: 'choices' | 'data' | 'results';
  /** Another model's answer is of use to whoever asked for this one. Vectors of two models cannot be compared. */
  readonly anyModel: boolean;
}

/** By name: the one table of what is served. */
export const ENDPOINTS: Readonly<Record<Endpoint, EndpointTraits>> = {
  chat: { path: '/chat/completions', streams: true, answer: 'choices', anyModel: true },
  completions: { path: '/completions', streams: true, answer: 'choices', anyModel: true },
  embeddings: { path: '/embeddings', streams: false, answer: 'data', anyModel: false },
  moderations: { path: '/moderations', streams: false, answer: 'results', anyModel: false },
  rerank: { path: '/rerank', streams: false, answer: 'results', anyModel: false },
};
