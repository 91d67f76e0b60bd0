import { applyDecorators, HttpCode, RequestMapping, RequestMethod } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { RouteOptions } from 'fastify';
import { routerPath, type HttpRoute } from './http-route.js';
import { HTTP_ROUTES, type HttpRouteName } from './http-routes.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The row that declares this route; only a path that is none has no row. */
    declared?: HttpRoute;
  }
}

/** Makes a method the handler of a route, with the path, the method and the access that its row declares. */
export function Serves(name: HttpRouteName): MethodDecorator {
  const declared: HttpRoute = HTTP_ROUTES[name];
  return applyDecorators(
    RequestMapping({ path: routerPath(declared.path), method: RequestMethod[declared.method] }),
    HttpCode(200),
    RouteConfig({ declared }),
  );
}

/**
 * An `onRoute` hook: what is registered must be what its row declares. A route without a row would be open to all by
 * oversight, and in no document, so it stops the boot.
 */
export function requireDeclared({ method, url, config }: RouteOptions): void {
  const declared = config?.declared;
  const isHead = method === 'HEAD' && declared?.method === 'GET';
  if (declared && url === routerPath(declared.path) && (isHead || method === declared.method)) return;
  throw new Error(
    `The route ${String(method)} ${url} is not declared; give it a row in http-routes.ts and @Serves() on its handler.`,
  );
}
