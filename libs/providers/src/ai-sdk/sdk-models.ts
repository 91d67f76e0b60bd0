import type { EmbeddingModelV4, LanguageModelV4 } from '@ai-sdk/provider';

/** What a kind is reached with. */
export type AiSdkAccount =
  | { readonly kind: 'anthropic' | 'gemini'; readonly apiKey: string }
  | {
      readonly kind: 'bedrock';
      readonly region: string;
      /** A bearer token; else requests are signed with the keys. */
      readonly apiKey?: string | undefined;
      readonly accessKeyId?: string | undefined;
      readonly secretAccessKey?: string | undefined;
      readonly sessionToken?: string | undefined;
    };

/** The models of one provider, each call with a `fetch` of its own. */
export interface SdkModels {
  chat(model: string, fetch: typeof globalThis.fetch): LanguageModelV4;
  /** Absent: the kind has no embeddings. */
  embedding?(model: string, fetch: typeof globalThis.fetch): EmbeddingModelV4;
}

/** Loads the package of the kind: a process that does not serve it never reads its code. */
export async function loadSdkModels(account: AiSdkAccount, baseURL: string): Promise<SdkModels> {
  switch (account.kind) {
    case 'anthropic': {
      const { createAnthropic } = await import('@ai-sdk/anthropic');
      const { apiKey } = account;
      return { chat: (model, fetch) => createAnthropic({ apiKey, baseURL, fetch }).languageModel(model) };
    }
    case 'gemini': {
      const { createGoogle } = await import('@ai-sdk/google');
      const connect = (fetch: typeof globalThis.fetch) =>
        createGoogle({ apiKey: account.apiKey, baseURL, fetch });
      return {
        chat: (model, fetch) => connect(fetch).languageModel(model),
        embedding: (model, fetch) => connect(fetch).embeddingModel(model),
      };
    }
    case 'bedrock': {
      const { createAmazonBedrock } = await import('@ai-sdk/amazon-bedrock');
      const { region, accessKeyId, secretAccessKey, sessionToken } = account;
      // The blank one, because without any the package would look for one in the process's own environment.
      const apiKey = account.apiKey ?? ' ';
      const keys = {
        ...(accessKeyId !== undefined && { accessKeyId }),
        ...(secretAccessKey !== undefined && { secretAccessKey }),
        ...(sessionToken !== undefined && { sessionToken }),
      };
      const connect = (fetch: typeof globalThis.fetch) =>
        createAmazonBedrock({ region, apiKey, baseURL, fetch, ...keys });
      return {
        chat: (model, fetch) => connect(fetch).languageModel(model),
        embedding: (model, fetch) => connect(fetch).embeddingModel(model),
      };
    }
  }
}
