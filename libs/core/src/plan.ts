import { formatTrail, recordSkip } from './attempt-record.js';
import { judgeFit, type Features, type Lack } from './capabilities.js';
import type { Controls } from './controls.js';
import { lackReason, toWholeSeconds } from './decide-next.js';
import { SpillwayError } from './errors.js';
import type { Fleet } from './fleet.js';
import { waitFor } from './health.js';
import { mayUse, modelNotAllowed, refuseForeign } from './model-access.js';
import { allowsWait } from './next-target.js';
import { findRoute, isReachable, listAvailable, providerLocation, providerNames, targetOf } from './route.js';
import type { Catalogue, Route } from './route.js';
import { showName } from './scrub.js';
import { targetKey, unusableKey } from './target-key.js';
import type { Target } from './target.js';

export interface PlanInput {
  readonly route: Route;
  readonly controls: Controls;
  readonly catalogue: Catalogue;
  /** What the request uses of what a target may lack. Absent: chat, and nothing. */
  readonly features?: Features;
  /** How long the first attempt may wait for a target that cools down. Default: not at all. */
  readonly waiting?: {
    /** The longest wait, ms (`queue.maxRetryDelayMs`). */
    readonly maxDelayMs: number;
    /** The whole time that the request has, ms. */
    readonly timeoutMs: number;
  };
}

/** What a request starts with. */
export interface Plan {
  /** In order; at least one, and none twice. */
  readonly targets: readonly Target[];
  /** The first attempt is not due before this, ms: its target cools down. */
  readonly delayMs: number;
}

/**
 * The ordered targets that one request may use: the route, changed by the caller's controls, less what cannot take it
 * and what is known not to work; those that are not to be called just now come last.
 * @throws SpillwayError `invalid_value` for controls that name no usable provider or leave nothing;
 * `model_not_allowed` for a fallback that the caller may not ask for; `unsupported_parameter` where every target lacks something that the request uses;
 * `model_not_found` where no provider has the model now; `no_provider_available` for a route without targets, and where
 * every provider is known to be down; `rate_limit_exceeded` where all cool down for longer than may be waited;
 * `upstream_credentials_exhausted` where every worker that could serve is without its credential
 */
export function makePlan(input: PlanInput): Plan {
  return minded(listTargets(input), input);
}

/** Every target that may serve the request, whether it may be called just now or not. */
function listTargets({ route, controls, catalogue, features }: PlanInput): Target[] {
  if (route.targets.length === 0) {
    throw new SpillwayError('no_provider_available', {
      model: showName(route.model),
      reason: 'it has no targets.',
    });
  }
  const wanted = distinct(applyControls(route, controls, catalogue));
  const planned = controls.fallback ? wanted : wanted.slice(0, 1);
  const fitting = features ? keepFitting(planned, features, route) : planned;
  const endpoint = features?.endpoint ?? 'chat';
  const usable = fitting.filter((target) => !catalogue.fleet.unusable.has(unusableKey(target, endpoint)));
  if (usable.length === 0) {
    throw new SpillwayError('model_not_found', {
      model: showName(route.model),
      available: listAvailable(catalogue),
      param: 'model',
    });
  }
  const plan = preferServed(usable, catalogue.fleet);
  if (plan.every(({ provider }) => credentialFault(provider, catalogue.fleet) === 'missing')) {
    const trail = plan.map(({ provider }) => `${provider}: its workers have no credential`).join('; ');
    throw new SpillwayError('upstream_credentials_exhausted', { model: showName(route.model), trail });
  }
  return plan;
}

/** Lacks that one message tells of. */
const LACKS_SHOWN = 5;

/** Those that can take the request, each with what it will not get of it. */
function keepFitting(targets: readonly Target[], features: Features, route: Route): Target[] {
  const fits = targets.map((target) => ({ target, fit: judgeFit(features, target.capabilities) }));
  const kept = fits.flatMap(({ target, fit: found }) => {
    if (!found.fits) return [];
    return [found.dropped.length === 0 ? target : { ...target, dropped: found.dropped }];
  });
  const lacking = fits.flatMap(({ target, fit: found }) => (found.fits ? [] : [{ target, ...found.lack }]));
  if (kept.length === 0 && lacking.length > 0) throw unsupported(lacking, route);
  return kept;
}

/** Of several members that are asked too much, the first target's is the one named in `param`. */
function unsupported(lacking: readonly (Lack & { readonly target: Target })[], route: Route): SpillwayError {
  const params = [...new Set(lacking.map(({ param }) => param))];
  const said = lacking.map(({ target, reason }) => `${showName(targetKey(target))} ${reason}`);
  const more = said.length > LACKS_SHOWN ? `; and ${said.length - LACKS_SHOWN} more` : '';
  return new SpillwayError('unsupported_parameter', {
    param: lacking[0]?.param ?? '',
    reason: lackReason({
      model: showName(route.model),
      params,
      lacks: `${said.slice(0, LACKS_SHOWN).join('; ')}${more}`,
    }),
  });
}

/**
 * The same targets with health in mind. One that is known to be down or cools down gives way to the others, and stays
 * for the time after them. Where all do, the request waits for the first one that only cools down, or is refused.
 */
function minded(targets: readonly Target[], { route, catalogue, waiting }: PlanInput): Plan {
  const { health } = catalogue.fleet;
  const waits = targets.map((target) => ({ target, ...waitFor(target, health) }));
  const [ready, later] = [waits.filter(({ ms }) => ms === 0), waits.filter(({ ms }) => ms > 0)];
  if (ready.length > 0) return { targets: targetsOf([...ready, ...later]), delayMs: 0 };
  const remainingMs = waiting?.timeoutMs ?? 0;
  const first = later
    .toSorted((one, other) => one.ms - other.ms)
    .find(
      ({ target, ms, why }) =>
        why === 'cooling' && allowsWait(target, { ms, remainingMs, maxDelayMs: waiting?.maxDelayMs ?? 0 }),
    );
  if (first) {
    const rest = later.filter(({ target }) => target !== first.target);
    return { targets: targetsOf([first, ...rest]), delayMs: Math.ceil(first.ms) };
  }
  const model = showName(route.model);
  const seconds = toWholeSeconds(Math.min(...later.map(({ ms }) => ms)));
  if (later.some(({ why }) => why === 'cooling')) {
    throw new SpillwayError('rate_limit_exceeded', { model, seconds });
  }
  const trail = formatTrail(later.map(({ target }) => recordSkip(target, 'open')));
  throw new SpillwayError('no_provider_available', { model, reason: `${trail}.`, seconds });
}

function targetsOf(list: readonly { readonly target: Target }[]): Target[] {
  return list.map(({ target }) => target);
}

/**
 * Targets without credential or worker, and those whose address nobody answers at, give way to the others; where all
 * are alike they stay, and the request waits, or one of them tells why it cannot.
 */
function preferServed(targets: readonly Target[], fleet: Fleet): Target[] {
  // Nobody takes jobs for a provider whose credential is missing; one whose was rejected is tried again.
  const callable = someOrAll(targets, ({ provider }) => credentialFault(provider, fleet) !== 'missing');
  const trusted = someOrAll(callable, ({ provider }) => credentialFault(provider, fleet) === undefined);
  const served = someOrAll(trusted, ({ provider }) => fleet.providers.has(provider));
  return someOrAll(served, isReachable(fleet));
}

function someOrAll(targets: readonly Target[], test: (target: Target) => boolean): Target[] {
  const some = targets.filter(test);
  return some.length > 0 ? some : [...targets];
}

/** The route after the controls. What `only` excludes is gone from every part of it. */
function applyControls(route: Route, controls: Controls, catalogue: Catalogue): Target[] {
  const own = allowed(route.targets, controls);
  const callers = callersFallback(route, controls, catalogue);
  if (callers !== undefined) return [...primaries(own), ...callers];
  if (own.length > 0) return own;
  const name = onlyName(controls);
  throw invalid(
    name,
    `${name} leaves no target: ${showName(route.model)} has none that is ${controls.only}.`,
  );
}

function allowed(targets: readonly Target[], { only }: Controls): Target[] {
  return targets.filter(({ location }) => only === undefined || location === only);
}

/** What the caller's fallback comes after: the local targets that the route begins with, or else its first. */
function primaries(targets: readonly Target[]): readonly Target[] {
  const cloud = targets.findIndex(({ location }) => location === 'cloud');
  return cloud < 0 ? targets : targets.slice(0, Math.max(1, cloud));
}

/** The fallback that the caller named; undefined where none was. It replaces the route's own. */
function callersFallback(route: Route, controls: Controls, catalogue: Catalogue): Target[] | undefined {
  const { fallbackProvider, fallbackModel } = controls;
  if (fallbackProvider !== undefined) {
    const target = onProvider(fallbackProvider, route, fallbackModel, catalogue);
    return keepOrRefuse([target], controls, 'fallbackProvider', fallbackProvider);
  }
  if (fallbackModel === undefined) return undefined;
  return keepOrRefuse(withModel(fallbackModel, route, catalogue), controls, 'fallbackModel', fallbackModel);
}

function keepOrRefuse(targets: readonly Target[], controls: Controls, param: string, name: string): Target[] {
  const kept = allowed(targets, controls);
  if (kept.length > 0) return kept;
  throw invalid(
    param,
    `${param} ${showName(name)} is not ${controls.only}, which ${onlyName(controls)} asks for.`,
  );
}

/** What the caller may not use is refused first, so that no answer tells which providers there are. */
function onProvider(provider: string, route: Route, model: string | undefined, catalogue: Catalogue): Target {
  const own = route.targets.find(
    (target) => target.provider === provider && target.model === (model ?? target.model),
  );
  const name = model ?? route.bareModel;
  if (!own) refuseForeign(catalogue.allowed, `${provider}/${name}`, 'fallbackProvider');
  const location = providerLocation(provider, catalogue);
  if (location === undefined) {
    const known = catalogue.allowed ? [] : providerNames(catalogue).slice(0, 20);
    const more = known.length > 0 ? `; known: ${known.join(', ')}` : '';
    throw invalid('fallbackProvider', `There is no provider ${showName(provider)} here${more}.`);
  }
  const fault = credentialFault(provider, catalogue.fleet);
  if (fault !== undefined) {
    throw invalid(
      'fallbackProvider',
      `The provider ${provider} has no usable credential here: it is ${fault}.`,
    );
  }
  return own ?? targetOf(provider, name, catalogue);
}

/**
 * A name known here is used as it is routed here; any other is asked of the route's own fallback providers. One that the
 * caller may not use is treated as if nobody had it, so that no answer tells whether somebody has.
 */
function withModel(model: string, route: Route, catalogue: Catalogue): Target[] {
  const known = mayUse(catalogue.allowed, model) ? findRoute(model, catalogue) : undefined;
  if (known !== undefined) return [...known.targets];
  const later = route.targets.slice(primaries(route.targets).length);
  const targets = later.map(({ provider }) => targetOf(provider, model, catalogue));
  refuseForeignTargets(targets, route, catalogue, model);
  if (targets.length > 0) return targets;
  refuseForeign(catalogue.allowed, model, 'fallbackModel');
  throw invalid(
    'fallbackModel',
    `There is no model ${showName(model)} here, and ${showName(route.model)} has no fallback provider to ask for it; ` +
      `send fallbackProvider too. Available: ${listAvailable(catalogue)}.`,
  );
}

/** What the route itself does not lead to, the caller must be allowed to ask for by its own name. `name`: as it was asked for. */
function refuseForeignTargets(
  targets: readonly Target[],
  route: Route,
  { allowed: names }: Catalogue,
  name: string,
): void {
  const own = new Set(route.targets.map(targetKey));
  const others = targets.filter((target) => !own.has(targetKey(target)));
  if (others.some(({ provider, model }) => !mayUse(names, `${provider}/${model}`))) {
    throw modelNotAllowed(name, 'fallbackModel');
  }
}

function credentialFault(provider: string, { providers }: Fleet): 'missing' | 'rejected' | undefined {
  const credential = providers.get(provider)?.credential;
  return credential === 'ok' ? undefined : credential;
}

function distinct(targets: readonly Target[]): Target[] {
  return targets.filter(
    (target, index) => index === targets.findIndex((other) => targetKey(other) === targetKey(target)),
  );
}

function onlyName({ only }: Controls): string {
  return only === 'local' ? 'localModelOnly' : 'cloudModelOnly';
}

function invalid(param: string, reason: string): SpillwayError {
  return new SpillwayError('invalid_value', { param, reason });
}
