import { mergeCapabilities, type Capabilities } from './capabilities.js';
import { ENDPOINTS, type Endpoint } from './endpoint.js';
import { SpillwayError } from './errors.js';
import type { Fleet } from './fleet.js';
import { capabilitiesOfKind } from './kind-capabilities.js';
import { mayUse, refuseForeign } from './model-access.js';
import { showName } from './scrub.js';
import type { Location, Target } from './target.js';

/** What can be asked for: the configuration's models and providers, and what the workers announce. */
export interface Catalogue {
  readonly models: Readonly<Record<string, { readonly targets: readonly ConfiguredTarget[] }>>;
  readonly providers: Readonly<Record<string, CataloguedProvider>>;
  readonly fleet: Fleet;
  /** Which names the caller may ask for, as `mayUse` reads them. Absent: any. */
  readonly allowed?: readonly string[] | undefined;
}

/** What routes need to know of a configured provider. */
export interface CataloguedProvider {
  readonly kind: string;
  readonly location: Location;
  /** It exists only while a worker announces it. */
  readonly optional?: boolean;
  /** Longest wait in its queue, ms, where a target sets none. Absent: up to the deadline. */
  readonly maxQueueWaitMs?: number;
  /** It stands in for local providers with this model. */
  readonly fallbackModel?: string;
  /** What it lacks. What its workers announce holds too, where this says nothing. */
  readonly capabilities?: Capabilities;
}

export interface ConfiguredTarget {
  readonly provider: string;
  /** Default: the public id. */
  readonly model?: string | undefined;
  readonly maxQueueWaitMs?: number | undefined;
  readonly contextTokens?: number | undefined;
  readonly timeouts?: Target['timeouts'];
  /** Where they differ from its provider's. */
  readonly capabilities?: Capabilities;
}

/** A public model and the ordered targets that serve it; at least one. */
export interface Route {
  /** As the caller wrote it. */
  readonly model: string;
  /** The same without a provider's name before it: what another provider would be asked for. */
  readonly bareModel: string;
  readonly targets: readonly Target[];
}

/** What the built-in demo provider offers, known before its first heartbeat; any other name is answered by `demo`. */
export const DEMO_MODELS = ['demo', 'demo-slow', 'demo-fail', 'demo-429', 'demo-cut'] as const;

/**
 * The route of a model name. First found wins: a configured model; `<provider>/<model>`; a model that workers
 * announce, local providers first and, after a local one, those that stand in for it; and where there is nothing but demo providers, any name.
 * Nobody stands in where another model's answer would be of no use.
 * @throws SpillwayError `model_not_allowed`; `model_not_found`, with some of the names there are
 */
export function resolveModel(model: string, catalogue: Catalogue, endpoint: Endpoint = 'chat'): Route {
  refuseForeign(catalogue.allowed, model, 'model');
  const route = findRoute(model, catalogue, endpoint);
  if (route !== undefined) return route;
  throw new SpillwayError('model_not_found', {
    model: showName(model),
    available: listAvailable(catalogue),
    param: 'model',
  });
}

/** As `resolveModel`, whoever asks; undefined where nothing has that name. */
export function findRoute(
  model: string,
  catalogue: Catalogue,
  endpoint: Endpoint = 'chat',
): Route | undefined {
  return (
    configuredRoute(model, catalogue) ??
    providerRoute(model, catalogue) ??
    announcedRoute(model, catalogue, ENDPOINTS[endpoint].anyModel) ??
    demoRoute(model, catalogue)
  );
}

function configuredRoute(model: string, catalogue: Catalogue): Route | undefined {
  const configured = Object.hasOwn(catalogue.models, model) ? catalogue.models[model] : undefined;
  if (configured === undefined) return undefined;
  const targets = configured.targets.map((each) => ({
    ...targetOf(each.provider, each.model ?? model, catalogue, each.capabilities ?? {}),
    ...(each.maxQueueWaitMs === undefined ? {} : { maxQueueWaitMs: each.maxQueueWaitMs }),
    ...(each.contextTokens === undefined ? {} : { contextTokens: each.contextTokens }),
    // They travel with the request: a worker elsewhere knows its providers, not these routes.
    ...(each.timeouts === undefined || Object.keys(each.timeouts).length === 0
      ? {}
      : { timeouts: each.timeouts }),
  }));
  return { model, bareModel: model, targets };
}

function providerRoute(model: string, catalogue: Catalogue): Route | undefined {
  const slash = model.indexOf('/');
  const [provider, bareModel] = [model.slice(0, slash), model.slice(slash + 1)];
  if (slash < 1 || bareModel === '' || providerLocation(provider, catalogue) === undefined) return undefined;
  // A model that is named like this itself (`openai/gpt-oss-20b` on a local box) must not go to a provider that says
  // it has no such thing.
  const offered = catalogue.fleet.providers.get(provider)?.models ?? [];
  if (offered.length > 0 && !offers(offered, bareModel) && announcedRoute(model, catalogue)) return undefined;
  return {
    model,
    bareModel,
    targets: [targetOf(provider, offers(offered, bareModel) ?? bareModel, catalogue)],
  };
}

function announcedRoute(model: string, catalogue: Catalogue, anyModel = true): Route | undefined {
  const targets = [...catalogue.fleet.providers.values()].flatMap(({ name, models }) => {
    const offered = offers(models, model);
    return offered === undefined ? [] : [targetOf(name, offered, catalogue)];
  });
  const own = localFirst(targets, catalogue);
  const [first] = own;
  if (first === undefined) return undefined;
  // Whoever names a cloud model has chosen it; another one would be a surprise.
  const after = anyModel && first.location === 'local' ? standIns(own, catalogue) : [];
  return { model, bareModel: model, targets: [...own, ...after] };
}

/** The configured providers that take over what a local one cannot answer, but for those that are in the route already. */
function standIns(own: readonly Target[], catalogue: Catalogue): Target[] {
  const targets = providerNames(catalogue).flatMap((name) => {
    const model = configuredProvider(name, catalogue)?.fallbackModel;
    if (model === undefined || own.some(({ provider }) => provider === name)) return [];
    return [targetOf(name, model, catalogue)];
  });
  return localFirst(targets, catalogue);
}

/** Local targets first, then in the order of the providers. */
function localFirst(targets: readonly Target[], catalogue: Catalogue): Target[] {
  const order = providerNames(catalogue);
  const rank = ({ provider, location }: Target): number =>
    order.indexOf(provider) + (location === 'local' ? 0 : order.length);
  return targets.toSorted((a, b) => rank(a) - rank(b));
}

function demoRoute(model: string, catalogue: Catalogue): Route | undefined {
  const names = providerNames(catalogue);
  const [provider] = names;
  if (provider === undefined || !names.every((name) => kindOf(name, catalogue) === 'demo')) return undefined;
  const known = DEMO_MODELS.find((name) => name === model) ?? 'demo';
  return { model, bareModel: model, targets: [targetOf(provider, known, catalogue)] };
}

/**
 * The name under which `model` is offered: Ollama announces `llama3.2:latest` for what everybody calls `llama3.2`, and
 * Gemini puts `models/` before its names.
 */
function offers(models: readonly string[], model: string): string | undefined {
  return [model, `${model}:latest`, `models/${model}`].find((name) => models.includes(name));
}

/** A model of a provider, with what is known of that; `own`: what is said of this one, by its target or by the only one. */
export function targetOf(
  provider: string,
  model: string,
  catalogue: Catalogue,
  own = saidOf(provider, model, catalogue),
): Target {
  // Where nobody says, assume the worse: a local-only request must not reach it.
  const location = providerLocation(provider, catalogue) ?? 'cloud';
  const { maxQueueWaitMs, capabilities: configured } = configuredProvider(provider, catalogue) ?? {};
  const announced = catalogue.fleet.providers.get(provider)?.capabilities;
  const ofKind = capabilitiesOfKind(kindOf(provider, catalogue));
  const capabilities = mergeCapabilities(ofKind, announced, configured, own);
  return {
    provider,
    model,
    location,
    ...(maxQueueWaitMs !== undefined && { maxQueueWaitMs }),
    ...(capabilities && { capabilities }),
  };
}

/** What is said of the model where one target alone names it: it is the same model, whichever name a request has for it. */
function saidOf(provider: string, model: string, { models }: Catalogue): Capabilities | undefined {
  const [only, ...others] = Object.entries(models).flatMap(([id, { targets }]) =>
    targets.filter((each) => each.provider === provider && offers([model], each.model ?? id) !== undefined),
  );
  return others.length === 0 ? only?.capabilities : undefined;
}

/**
 * Where a provider runs; undefined when there is no such provider. When file and workers differ it is `cloud`, since
 * `localModelOnly` is a guarantee.
 */
export function providerLocation(name: string, catalogue: Catalogue): Location | undefined {
  const configured = configuredProvider(name, catalogue)?.location;
  const announced = catalogue.fleet.providers.get(name)?.location;
  return configured === 'cloud' || announced === 'cloud' ? 'cloud' : (configured ?? announced);
}

/** Every provider there is: those of the file in its order, then those that only workers know, by name. */
export function providerNames(catalogue: Catalogue): string[] {
  const configured = Object.keys(catalogue.providers).filter((name) => configuredProvider(name, catalogue));
  const announced = [...catalogue.fleet.providers.keys()].filter((name) => !configured.includes(name));
  return [...configured, ...announced.toSorted()];
}

/** The provider by the configuration; undefined for one that may be there and that no worker announces. */
function configuredProvider(name: string, { providers, fleet }: Catalogue): CataloguedProvider | undefined {
  const provider = Object.hasOwn(providers, name) ? providers[name] : undefined;
  return provider?.optional === true && !fleet.providers.has(name) ? undefined : provider;
}

function kindOf(name: string, catalogue: Catalogue): string | undefined {
  return configuredProvider(name, catalogue)?.kind ?? catalogue.fleet.providers.get(name)?.kind;
}

/** One entry of `GET /v1/models`. */
export interface ModelCard {
  readonly id: string;
  readonly object: 'model';
  readonly created: number;
  readonly owned_by: string;
}

/**
 * Unix time, s, of every model: the wire wants one, nobody knows it, and it must be the same on every replica and after
 * every restart. 2026-01-01.
 */
const MODELS_CREATED = 1_767_225_600;

/**
 * What `GET /v1/models` lists: configured models, then announced ones that somebody can answer now, each under the
 * shortest name that reaches it and that the caller may use; sorted within both, no id twice. Every id resolves.
 */
export function listModels(catalogue: Catalogue): ModelCard[] {
  const isAllowed = (id: string) => mayUse(catalogue.allowed, id);
  const configured = Object.keys(catalogue.models).filter(isAllowed).toSorted();
  const announced = [...catalogue.fleet.providers.values()].flatMap(({ name, models }) =>
    models.flatMap((model) => {
      const names = reaches(model, name, catalogue) ? [model, `${name}/${model}`] : [`${name}/${model}`];
      return names.find(isAllowed) ?? [];
    }),
  );
  const answered = announced.filter((id) =>
    findRoute(id, catalogue)?.targets.some(isReachable(catalogue.fleet)),
  );
  const ids = new Set([...configured, ...answered.toSorted()]);
  if (ids.size === 0 && findRoute('demo', catalogue))
    DEMO_MODELS.filter(isAllowed).forEach((name) => ids.add(name));
  return [...ids].flatMap((id) => {
    const route = findRoute(id, catalogue);
    return route === undefined ? [] : [cardOf(route)];
  });
}

/**
 * One model by any name that a request may use.
 * @throws SpillwayError `model_not_allowed`, `model_not_found`
 */
export function describeModel(model: string, catalogue: Catalogue): ModelCard {
  return cardOf(resolveModel(model, catalogue));
}

/** Is the target's provider not known to be away? */
export function isReachable({ providers }: Fleet): (target: Target) => boolean {
  return ({ provider }) => providers.get(provider)?.reachable !== false;
}

function cardOf({ model, targets }: Route): ModelCard {
  return {
    id: model,
    object: 'model',
    created: MODELS_CREATED,
    owned_by: targets[0]?.provider ?? 'spillway',
  };
}

/** Does the plain name lead to this very model of this provider? A configured model of that name may not. */
function reaches(model: string, provider: string, catalogue: Catalogue): boolean {
  const route = findRoute(model, catalogue);
  return route?.targets.some((target) => target.provider === provider && target.model === model) ?? false;
}

/** Names in a `model_not_found` message. */
const AVAILABLE_MAX = 20;

/** The names there are, for a message; bounded. */
export function listAvailable(catalogue: Catalogue): string {
  const ids = listModels(catalogue).map(({ id }) => id);
  if (ids.length === 0) return 'none yet (no models are configured and no worker announces any)';
  const more = ids.length > AVAILABLE_MAX ? ` and ${ids.length - AVAILABLE_MAX} more` : '';
  return `${ids.slice(0, AVAILABLE_MAX).join(', ')}${more}`;
}
