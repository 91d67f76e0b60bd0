import { RouteConfig } from '@nestjs/platform-fastify';
import type { RouteOptions } from 'fastify';

/** Who may use a route: anybody, or an application that the configuration names, by its key. */
export type Access = 'public' | 'application';

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
  }
}

/** Declares a route's access; every route must. */
export function AllowAccess(access: Access): MethodDecorator {
  return RouteConfig({ access });
}

/** An `onRoute` hook: a route without a declared access would be open to all by oversight, so it stops the boot. */
export function requireDeclaredAccess({ method, url, config }: RouteOptions): void {
  const access = config?.access;
  if (access === 'public' || access === 'application') return;
  throw new Error(
    `The route ${String(method)} ${url} declares no access; put @AllowAccess() on its handler.`,
  );
}
