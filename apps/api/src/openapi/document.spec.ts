import { describe, expect, it } from '@jest/globals';
import { errors, type ErrorCode } from '#core/errors.js';
import { parametersOf, type HttpRoute } from '../http-route.js';
import { HTTP_ROUTES } from '../http-routes.js';
import { openApiDocument } from './document.js';
import { PARAMETERS } from './fields.js';
import type { SchemaName } from './schemas.js';
import { documentCheck, schemaCheck } from './testing/validate.js';

/** As a reader gets it. */
const text = JSON.stringify(openApiDocument());
const document = JSON.parse(text) as ReturnType<typeof openApiDocument>;
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method, ...operation })),
);
const routes = Object.entries<HttpRoute>(HTTP_ROUTES);

/** No route has these: what is no route is answered with them, or nothing answers with them yet. */
const OF_NO_ROUTE = ['method_not_allowed', 'application_not_allowed'];

function at(pointer: string): unknown {
  const names = pointer.split('/').slice(1);
  return names.reduce<unknown>(
    (place, name) => (typeof place === 'object' && place !== null ? Reflect.get(place, name) : undefined),
    document,
  );
}

function references(): string[] {
  return [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, target]) => target ?? '');
}

describe('the OpenAPI document', () => {
  const check = documentCheck();

  it('keeps to OpenAPI 3.1', () => {
    expect(check(document)).toEqual([]);
  });

  it('would be found out if it did not', () => {
    expect(check({ ...document, openapi: '3.0.3' })).not.toEqual([]);
    expect(check({ ...document, paths: { '/x': { fetch: {} } } })).not.toEqual([]);
    const [{ responses: _, ...rest }] = operations as [(typeof operations)[number]];
    expect(check({ ...document, paths: { '/x': { get: rest } } })).not.toEqual([]);
  });

  it('has an operation for each route, and no other', () => {
    const listed = operations.map(({ operationId, method, path }) => `${operationId} ${method} ${path}`);
    const declared = routes.map(
      ([name, { method, path }]) => `${name} ${method.toLowerCase()} ${path.replace('{+', '{')}`,
    );
    expect(listed.sort()).toEqual(declared.sort());
    expect(listed.length).toBeGreaterThan(15);
  });

  it('refers only to what there is, and leaves nothing unused', () => {
    const targets = new Set(references());
    expect([...targets].filter((target) => at(target) === undefined)).toEqual([]);
    const { securitySchemes: _, ...components } = document.components;
    const there = Object.entries(components).flatMap(([kind, members]) =>
      Object.keys(members).map((name) => `#/components/${kind}/${name}`),
    );
    expect(there.filter((target) => !targets.has(target))).toEqual([]);
  });

  it.each(Object.keys(document.components.schemas) as SchemaName[])('has a sound schema %s', (name) => {
    expect(schemaCheck(name)(null).length).toBeGreaterThan(0);
  });

  it('asks for a key where an application must show one, and nowhere else', () => {
    const secured = operations.filter(({ security }) => security.length > 0);
    expect(secured.every(({ security }) => JSON.stringify(security) === '[{"key":[]}]')).toBe(true);
    const declared = routes.filter(([, { access }]) => access === 'application').map(([name]) => name);
    expect(secured.map(({ operationId }) => operationId).sort()).toEqual(declared.sort());
    expect(secured.filter(({ path }) => path.startsWith('/v1/'))).toEqual(secured);
  });

  it('names every parameter of a path, under the name that it has there', () => {
    for (const [, { path }] of routes) {
      for (const name of parametersOf(path)) {
        expect(PARAMETERS).toHaveProperty(name, expect.objectContaining({ name, in: 'path' }));
      }
    }
  });

  it('puts each error of a route under its status', () => {
    const wrong = operations.flatMap(({ operationId, responses }) =>
      codesOf(responses)
        .filter(({ status, code }) => String(errors[code].status) !== status)
        .map(({ code }) => `${operationId} ${code}`),
    );
    expect(wrong).toEqual([]);
  });

  it('shows what each error looks like', () => {
    const check = schemaCheck('ErrorBody');
    const shown = Object.entries(document.components.examples);
    expect(shown.filter(([, { value }]) => check(value).length > 0)).toEqual([]);
    expect(shown.filter(([code, { value }]) => value.error.code !== code)).toEqual([]);
  });

  it('has every error at some route', () => {
    const told = new Set(operations.flatMap(({ responses }) => codesOf(responses)).map(({ code }) => code));
    const untold = (Object.keys(errors) as ErrorCode[]).filter((code) => !told.has(code));
    expect(untold.sort()).toEqual(OF_NO_ROUTE.sort());
  });

  it('says where a request may end otherwise than it began', () => {
    const chat = operations.find(({ operationId }) => operationId === 'completeChat');
    expect(Object.keys(chat?.responses['200']?.content ?? {})).toEqual([
      'application/json',
      'text/event-stream',
    ]);
    expect(Object.keys(chat?.responses['200']?.headers ?? {})).toContain('x-spillway-provider');
    expect(Object.keys(chat?.responses['429']?.headers ?? {})).toEqual([
      'x-request-id',
      'retry-after',
      'x-should-retry',
      'x-spillway-eta-ms',
    ]);
    expect(Object.keys(chat?.responses['409']?.headers ?? {})).toEqual(['x-request-id', 'x-should-retry']);
  });
});

type Responses = (typeof operations)[number]['responses'];

function codesOf(responses: Responses): { status: string; code: ErrorCode }[] {
  const { 200: _, ...failures } = responses;
  return Object.entries(failures).flatMap(([status, { content }]) => {
    const codes = Object.keys(content?.['application/json']?.examples ?? {});
    return codes.map((code) => ({ status, code: code as ErrorCode }));
  });
}
