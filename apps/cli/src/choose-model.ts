import type { Config } from '#core/config/schema.js';
import type { ModelCard } from '#core/route.js';

/**
 * The model to try first among those that there are. First what costs nothing: a configured one that begins with a
 * local provider, or one that a local provider offers. Then any that is configured; the one with which a cloud account
 * stands in, since the first of an account's long list may be no chat model at all; else any.
 */
export function chooseModel(
  cards: readonly Pick<ModelCard, 'id' | 'owned_by'>[],
  { models, providers }: Pick<Config, 'models' | 'providers'>,
): string | undefined {
  const ids = cards.map(({ id }) => id);
  const isLocal = (name = '') => Object.hasOwn(providers, name) && providers[name]?.location === 'local';
  const configured = ids.filter((id) => Object.hasOwn(models, id));
  const atHome = configured.find((id) => isLocal(models[id]?.targets[0]?.provider) && !/embed/i.test(id));
  if (atHome !== undefined) return atHome;
  // Embedding models are listed among the others, and cannot chat.
  const local = cards.find(({ id, owned_by }) => isLocal(owned_by) && !/embed/i.test(id));
  if (local !== undefined) return local.id;
  return configured[0] ?? standInModel(ids, providers) ?? ids[0];
}

/** What a cloud account stands in with, under the shortest name that is listed. */
function standInModel(ids: readonly string[], providers: Config['providers']): string | undefined {
  for (const [name, provider] of Object.entries(providers)) {
    if (provider.kind === 'demo' || provider.fallbackModel === undefined) continue;
    const { fallbackModel } = provider;
    // The account may not have told its models yet; this name works all the same.
    return ids.find((id) => id === fallbackModel) ?? `${name}/${fallbackModel}`;
  }
  return undefined;
}
