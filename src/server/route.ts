import { isReading, textResponse, type Handler, type HttpRequest, type HttpResponse } from './message.ts';

/** A place in the URL space: an exact path, or with a slash at its end everything below. */
export interface Route {
  readonly path: string;
  /** Its name in metrics, unless the response has a more exact one. */
  readonly name: string;
  readonly handle: Handler;
}

/** Gives each request to the first route whose place it is in; 404 when there is none. */
export function router(routes: readonly Route[]): Handler {
  return (request) => {
    const route = routes.find(({ path }) => isIn(path, request.path));
    if (route === undefined) return { ...textResponse(404, 'There is nothing here'), route: 'other' };
    const response = route.handle(request);
    return response instanceof Promise ? response.then((later) => named(later, route)) : named(response, route);
  };
}

function isIn(place: string, path: string): boolean {
  return path === place || (place.length > 1 && place.endsWith('/') && path.startsWith(place));
}

function named(response: HttpResponse, route: Route): HttpResponse {
  return response.route === undefined ? { ...response, route: route.name } : response;
}

/** Answers 403 to clients whose certificate has none of the organizations (RFC 9110, 15.5.4). */
export function onlyFor(organizations: readonly string[], handle: Handler): Handler {
  return (request) =>
    request.clientOrganizations.some((organization) => organizations.includes(organization))
      ? handle(request)
      : textResponse(403, 'Your certificate does not open this');
}

/** Answers 405 for everything but GET and HEAD (RFC 9110, 15.5.6). */
export function readOnly(handle: Handler): Handler {
  return (request: HttpRequest): HttpResponse | Promise<HttpResponse> =>
    isReading(request.method) ? handle(request) : textResponse(405, 'Only GET and HEAD are answered here', { allow: 'GET, HEAD' });
}
