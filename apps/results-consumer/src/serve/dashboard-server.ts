import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import helmet from '@fastify/helmet';
import fastifyStatic from '@fastify/static';
import swagger from '@fastify/swagger';
import type { Logger } from '@clickstream/kafka-client';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Registry } from 'prom-client';
import { z } from 'zod';
import type { ClickViews } from '../core/views/click-views.ts';
import { createAccess, isExpectedHost, isLoopback, type Access } from './access.ts';
import { apiSchemas, jsonSchema, problemSchema } from './api-schemas.ts';
import type { ClickStream } from './click-stream.ts';
import type { DashboardStream } from './dashboard-stream.ts';
import type { NotReady } from './not-ready.ts';
import { pagesBody } from './pages-body.ts';
import { BARE_HEADERS, problem, PROBLEM_CONTENT_TYPE, ProblemError, rawProblem } from './problem.ts';
import type { SseClients } from './sse-clients.ts';

export interface DashboardServerOptions {
  readonly views: ClickViews;
  readonly stream: DashboardStream;
  readonly clickStream: ClickStream;
  readonly clients: SseClients;
  readonly metrics: Registry;
  readonly log: Logger;
  /** The address that it will listen on. */
  readonly listenHost: string;
  /** What has to be known to see anything but the health. */
  readonly token: string | undefined;
  /** The folder of the built page; undefined if it is not built. */
  readonly pageFolder: string | undefined;
  /** Why it cannot serve now; undefined when it can. */
  readonly notReady: () => NotReady | undefined;
  /** Whether that is in the views too for which it does not wait to be ready: dead letters, and the past of the rate. */
  readonly isWhole: () => boolean;
  /** ms since the epoch */
  readonly now: () => number;
}

/** Longer than any user id in percent-encoding. */
const PARAMETER_LENGTH_MAX = 4_096;
const REQUEST_TIMEOUT_MS = 10_000;
const CONNECTIONS_MAX = 2_000;
/** Of a connection on which nothing goes either way; streams set their own. */
const CONNECTION_TIMEOUT_MS = 30_000;
/** How much may wait for a client that goes on asking, in bytes; a stream has a limit of its own. */
const UNREAD_MAX_BYTES = 1_000_000;
const OTHER_METHODS = ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
/** What an orchestrator asks knows no token. */
const OPEN_PATHS = new Set(['/healthz', '/readyz']);
/** What a problem means, by its status. */
const PROBLEMS: Readonly<Record<number, string>> = {
  400: 'A parameter is wrong or unknown, or the url cannot be decoded',
  401: 'The token is needed',
  404: 'That is not known, or not any more',
  403: 'Another website asks for a stream',
  405: 'Only GET and HEAD are allowed',
  409: 'A stream is asked for behind another answer on its connection',
  414: 'The url is too long',
  421: 'The server does not answer to this name',
  503: 'Still reading what was there at the start, or no room for a further stream; try again after Retry-After',
};
/** Those that any path may answer with. */
const problemsOfAll = (token: string | undefined) => [...(token === undefined ? [] : [401]), 405, 414, 421];
const PAGE_IS_MISSING =
  'The page is not built; run "pnpm --filter @clickstream/results-consumer build:page". The API is at /openapi.json.\n';

/** The page, the HTTP API and the streams; not listening yet. */
export async function createDashboardServer(options: DashboardServerOptions): Promise<FastifyInstance> {
  const { log } = options;
  const access = createAccess(options.token);
  const isRefused = createAccessControl(access, options);
  const server = fastify({
    // Streams are ended by those who keep them.
    forceCloseConnections: 'idle',
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    // Nothing takes a body.
    bodyLimit: 1_024,
    // A url that cannot be decoded, or is too long, gets to no handler.
    frameworkErrors: ({ statusCode = 400 }, request, reply) => {
      void reply.headers(BARE_HEADERS);
      if (isRefused(request, reply)) return;
      void sendProblem(
        reply,
        statusCode,
        statusCode === 414 ? 'the url is too long' : 'the url cannot be decoded',
      );
    },
    clientErrorHandler: ({ code }, socket) => {
      if (code === 'ECONNRESET' || !socket.writable) socket.destroy();
      else if (code === 'ERR_HTTP_REQUEST_TIMEOUT') socket.end(rawProblem(408, 'the request took too long'));
      else if (code === 'HPE_HEADER_OVERFLOW') socket.end(rawProblem(431, 'the headers are too long'));
      else socket.end(rawProblem(400, 'that is no HTTP request'));
    },
    routerOptions: { maxParamLength: PARAMETER_LENGTH_MAX },
    // A misspelt parameter is an error, not nothing.
    ajv: { customOptions: { removeAdditional: false } },
  });
  server.server.maxConnections = CONNECTIONS_MAX;
  // The schemas are for people: the types have made sure that answers are as they say.
  server.setSerializerCompiler(() => (data) => JSON.stringify(data));

  closeUnread(server);
  await server.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'"],
        connectSrc: ["'self'"],
        baseUri: ["'none'"],
        // The forms are read by the script.
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    referrerPolicy: { policy: 'no-referrer' },
    xFrameOptions: { action: 'deny' },
    // It speaks plain HTTP; what stands before it and speaks TLS decides about this.
    strictTransportSecurity: false,
  });
  server.addHook('onRequest', (request, reply, next) => {
    void reply.header('cache-control', 'no-store');
    if (!isRefused(request, reply)) next();
  });
  answerOtherMethods(server);
  server.setNotFoundHandler((request, reply) =>
    sendProblem(reply, 404, `there is nothing at ${request.url.split('?')[0] ?? ''}`),
  );
  server.setErrorHandler<Error & { statusCode?: number }>((error, _request, reply) => {
    const { statusCode = 500 } = error;
    if (statusCode < 500 || error instanceof ProblemError)
      return sendProblem(reply, statusCode, error.message);
    log.error({ err: error }, 'answering a request');
    return sendProblem(reply, 500, 'something went wrong here; the log says what');
  });
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Clickstream dashboard',
        version: '1',
        description:
          'What the click pipeline counts, from committed records only. User ids and urls are what somebody typed: treat them as hostile text.',
      },
      ...(options.token !== undefined && {
        components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
        security: [{ token: [] }],
      }),
    },
  });
  await server.register(async (scope) => {
    addApi(scope, options);
    addStreams(scope, options);
    addHealth(scope, access, options);
    scope.get('/openapi.json', { schema: { hide: true } }, () => server.swagger());
    await addPage(scope, options.pageFolder);
  });
  return server;
}

/** Answers who may not see what was asked for, and tells whether it did. */
function createAccessControl(access: Access, { listenHost, token }: DashboardServerOptions) {
  return (request: FastifyRequest, reply: FastifyReply): boolean => {
    if (!isExpectedHost(listenHost, token !== undefined, request.headers.host)) {
      void sendProblem(
        reply,
        421,
        isLoopback(listenHost)
          ? 'on this LISTEN_HOST this server answers as localhost only'
          : 'without DASHBOARD_TOKEN this server answers to its address and to names without a dot only',
      );
      return true;
    }
    const path = request.url.split('?')[0] ?? '';
    if (OPEN_PATHS.has(path)) return false;
    // Also of who is known already: the token is not to stay in the address bar, and is no parameter of anything.
    const login = request.method === 'GET' ? access.logIn(request.url) : undefined;
    if (login) {
      void reply.header('set-cookie', login.cookie).redirect(login.location, 303);
      return true;
    }
    if (access.isGranted(request.raw)) return false;
    void reply.header('www-authenticate', 'Bearer realm="clickstream dashboard"');
    void sendProblem(
      reply,
      401,
      'a token is needed: open /?token=… in a browser, or send "Authorization: Bearer …"',
    );
    return true;
  };
}

/** Closes a connection that asks and asks and does not read: Node.js keeps what it is answered in memory. */
function closeUnread(server: FastifyInstance): void {
  const unread = new WeakMap<Socket, Set<ServerResponse>>();
  // When they are answered, not when they ask: many are read from a connection before the first is answered.
  server.addHook('onSend', (request, reply, payload, next) => {
    const { socket } = request.raw;
    const responses = unread.get(socket) ?? new Set();
    unread.set(socket, responses);
    let bytes = 0;
    for (const response of responses) bytes += response.writableLength;
    if (socket.destroyed || bytes > UNREAD_MAX_BYTES) {
      socket.destroy();
      return;
    }
    responses.add(reply.raw);
    reply.raw.once('close', () => responses.delete(reply.raw));
    next(null, payload);
  });
}

/** Where there is something to get, other methods are not allowed; elsewhere there is nothing. */
function answerOtherMethods(server: FastifyInstance): void {
  server.addHook('onRoute', (route) => {
    if (![route.method].flat().includes('GET')) return;
    server.route({
      method: OTHER_METHODS,
      url: route.url,
      schema: { hide: true },
      // Before a body is looked at.
      onRequest: (_request, reply) => {
        void reply.header('allow', 'GET, HEAD');
        void sendProblem(reply, 405, 'only GET and HEAD are allowed');
      },
      handler: () => undefined,
    });
  });
}

/** The problems that a route may answer with, as OpenAPI has them. */
function problemResponses(statuses: readonly number[]): Record<number, object> {
  const content = { 'application/problem+json': { schema: jsonSchema(problemSchema) } };
  return Object.fromEntries(statuses.map((status) => [status, { description: PROBLEMS[status], content }]));
}

/** What there is to know of a query to tell which of its parameters are numbers. */
interface QuerySchema {
  readonly properties?: Readonly<Record<string, { readonly type?: string }>>;
}

function addApi(server: FastifyInstance, { views, token, now }: DashboardServerOptions): void {
  const schemaOf = (
    summary: string,
    { query, parameters, response }: { query?: z.ZodType; parameters?: z.ZodType; response: z.ZodType },
    problems: readonly number[] = [],
  ) => ({
    summary,
    querystring: jsonSchema(query ?? z.strictObject({})),
    ...(parameters && { params: jsonSchema(parameters) }),
    response: {
      200: { description: summary, content: jsonOf(response) },
      ...problemResponses([400, ...problemsOfAll(token), ...problems]),
    },
  });
  /** Where half of what there is would be a wrong answer, such as that there is no such user. */
  const whenReady = (_request: FastifyRequest, reply: FastifyReply, next: (error?: Error) => void) => {
    if (views.isReady) {
      next();
      return;
    }
    void reply.header('retry-after', '1');
    next(new ProblemError(503, 'still reading what was there at the start'));
  };
  type Query<Name extends 'users' | 'user' | 'pages' | 'sessions' | 'deadLetters'> = z.output<
    (typeof apiSchemas)[Name]['query']
  >;

  server.addHook('preValidation', (request, _reply, next) => {
    // Ajv takes `0x10` and `1e3` for numbers too.
    const { properties = {} } = (request.routeOptions.schema?.querystring ?? {}) as QuerySchema;
    const wrong = Object.entries(request.query as object).find(
      ([name, value]) => properties[name]?.type === 'integer' && !/^\d+$/.test(String(value)),
    );
    next(wrong && new ProblemError(400, `querystring/${wrong[0]} must be a whole number in decimal digits`));
  });
  server.get('/api/overview', { schema: schemaOf('The figures of this moment', apiSchemas.overview) }, () =>
    views.overview(now()),
  );
  server.get<{ Querystring: Query<'users'> }>(
    '/api/users',
    { schema: schemaOf('The busiest users', apiSchemas.users, [503]), preHandler: whenReady },
    ({ query }) => ({ users: views.totals.top(query.top), totalUsers: views.totals.users }),
  );
  const user = (userId: string) => {
    const total = views.totals.get(userId);
    if (!total) throw new ProblemError(404, 'no clicks of that user have been counted');
    return { ...total, sessions: views.sessions.ofUser(userId), sessionsComplete: views.sessions.isComplete };
  };
  const { response } = apiSchemas.user;
  server.get<{ Params: { userId: string } }>(
    '/api/users/:userId',
    {
      schema: schemaOf(
        'A user with the recent sessions',
        { parameters: apiSchemas.user.parameters, response },
        [404, 503],
      ),
      preHandler: whenReady,
    },
    ({ params }) => user(params.userId),
  );
  // Browsers and proxies take `.` and `..` in a path for folders, however they are written.
  server.get<{ Querystring: Query<'user'> }>(
    '/api/user',
    {
      schema: schemaOf(
        'A user with the recent sessions, whatever the id',
        { query: apiSchemas.user.query, response },
        [404, 503],
      ),
      preHandler: whenReady,
    },
    ({ query }) => user(query.id),
  );
  server.get<{ Querystring: Query<'pages'> }>(
    '/api/pages',
    {
      schema: schemaOf('The busiest pages of a window', apiSchemas.pages, [404, 503]),
      preHandler: whenReady,
    },
    ({ query }) => {
      if (query.window === 'current') return pagesBody(views, views.pages.current(now()), query.top);
      const window = views.pages.window(Number(query.window), query.top);
      if (!window) throw new ProblemError(404, 'that window is not known, or not any more');
      return window;
    },
  );
  server.get<{ Querystring: Query<'sessions'> }>(
    '/api/sessions',
    {
      schema: schemaOf('The recent sessions of a user, newest first', apiSchemas.sessions, [503]),
      preHandler: whenReady,
    },
    ({ query }) => ({ sessions: views.sessions.ofUser(query.user), complete: views.sessions.isComplete }),
  );
  server.get(
    '/api/books',
    { schema: schemaOf('What became of every click', apiSchemas.books, [503]), preHandler: whenReady },
    () => views.books.view(now()),
  );
  server.get(
    '/api/latency',
    { schema: schemaOf('Time from a click to its visible count', apiSchemas.latency) },
    () => views.latency.percentiles(now()),
  );
  server.get<{ Querystring: Query<'deadLetters'> }>(
    '/api/dead-letters',
    { schema: schemaOf('Clicks that were rejected or came too late', apiSchemas.deadLetters) },
    ({ query }) => ({
      ...views.deadLetters.counts(),
      deadLetters: views.deadLetters.newest(query.limit, query.reason),
    }),
  );
}

function addStreams(server: FastifyInstance, options: DashboardServerOptions): void {
  const { stream, clickStream, clients, token } = options;
  const schemaOf = (summary: string, description: string, query: z.ZodType) => ({
    summary,
    description,
    querystring: jsonSchema(query),
    response: {
      200: {
        description: 'Server-Sent Events',
        content: { 'text/event-stream': { schema: { type: 'string' } } },
      },
      ...problemResponses([400, 403, 409, ...problemsOfAll(token), 503]),
    },
  });
  const open = (request: FastifyRequest, reply: FastifyReply, begin: () => void) => {
    // It could read nothing, but would take up a place.
    if (request.headers['sec-fetch-site'] === 'cross-site')
      throw new ProblemError(403, 'a stream is not for other websites');
    if (request.method === 'HEAD') return reply.type('text/event-stream; charset=utf-8').send();
    // Until the answers before it are over it would wait in memory: behind another stream for good.
    if (reply.raw.socket === null) {
      void reply.header('connection', 'close');
      throw new ProblemError(409, 'a stream needs a connection on which nothing else is under way');
    }
    if (clients.isFull) {
      void reply.header('retry-after', '10');
      throw new ProblemError(503, 'as many clients as there may be are connected');
    }
    reply.hijack();
    begin();
    return reply;
  };

  server.get(
    '/api/stream',
    {
      schema: schemaOf(
        'All that the page shows, as it changes',
        'Server-Sent Events. `snapshot`: {overview, rate: [[second, clicks]…], users, pages, deadLetters, settings}. `delta`: those of them that changed, whole, but of `rate` only the seconds that changed; at most 4 a second. `alive`: nothing, every 10 s. `resync`: you were too slow and missed some, connect again; the stream ends. With `Last-Event-ID` the deltas since then come in place of a snapshot, if they are still known and smaller.',
        apiSchemas.stream.query,
      ),
    },
    (request, reply) =>
      open(request, reply, () => {
        const lastEventId = request.headers['last-event-id'];
        stream.open(request.raw, reply.raw, typeof lastEventId === 'string' ? lastEventId : undefined);
      }),
  );
  server.get<{ Querystring: z.output<typeof apiSchemas.clickStream.query> }>(
    '/api/clicks/stream',
    {
      schema: schemaOf(
        'The clicks themselves, as they come',
        'Server-Sent Events. `clicks`: {clicks: [{userId, url, timestamp, partition, offset}…], sampled, seen}, every 250 ms if there were any; of more than 12 `sampled` says which part is shown, such as `1 of 4`, else it is null. `seen` is how many there were since the event before. `alive`: nothing, every 10 s. `resync`: you were too slow and missed some, connect again; the stream ends.',
        apiSchemas.clickStream.query,
      ),
    },
    (request, reply) =>
      open(request, reply, () => {
        clickStream.open(request.raw, reply.raw, request.query);
      }),
  );
}

/** A body of JSON, as OpenAPI describes it. */
function jsonOf(schema: z.ZodType): object {
  return { 'application/json': { schema: jsonSchema(schema) } };
}

function addHealth(server: FastifyInstance, access: Access, options: DashboardServerOptions): void {
  const { metrics, notReady, isWhole, token } = options;
  const schemaOf = (summary: string, content: object, problems: readonly number[], others = {}) => {
    const response: Record<number, object> = {
      200: { description: summary, content },
      ...others,
      ...problemResponses(problems),
    };
    return { summary, response };
  };
  const open = problemsOfAll(undefined);
  const { healthz, readyz } = apiSchemas;

  server.get(
    '/healthz',
    { schema: { ...schemaOf('That the process lives', jsonOf(healthz), open), security: [] } },
    () => ({
      status: 'alive',
    }),
  );
  const ready = schemaOf('Whether it shows what is there, and what is new', jsonOf(readyz.response), open, {
    503: { description: 'Why it does not', content: jsonOf(readyz.problem) },
  });
  server.get('/readyz', { schema: { ...ready, security: [] } }, (request, reply) => {
    const why = notReady();
    if (!why) return { status: 'ready', complete: isWhole() };
    // Who need not know the token is not told what the topics are called.
    const told = access.isGranted(request.raw) ? why : { ...why, partition: undefined };
    return reply.code(503).send({ status: 'not ready', complete: isWhole(), ...told });
  });
  const text = { 'text/plain': { schema: { type: 'string' } } };
  server.get(
    '/metrics',
    { schema: schemaOf('Metrics, as Prometheus reads them', text, problemsOfAll(token)) },
    async (_request, reply) => reply.type(metrics.contentType).send(await metrics.metrics()),
  );
}

async function addPage(server: FastifyInstance, pageFolder: string | undefined): Promise<void> {
  if (pageFolder === undefined) {
    server.get('/', { schema: { hide: true } }, (_request, reply) =>
      reply.code(503).type('text/plain; charset=utf-8').send(PAGE_IS_MISSING),
    );
    return;
  }
  await server.register(fastifyStatic, {
    root: pageFolder,
    // One route a file: what is not there is not found, and no path can lead out of the folder.
    wildcard: false,
    cacheControl: false,
    setHeaders: (reply, path) => {
      // Vite puts the hash of what a file holds into its name.
      const isHashed = /[/\\]assets[/\\]/.test(path);
      void reply.header('cache-control', isHashed ? 'private, max-age=31536000, immutable' : 'no-cache');
    },
  });
}

function sendProblem(reply: FastifyReply, status: number, detail: string): FastifyReply {
  return reply.code(status).type(PROBLEM_CONTENT_TYPE).send(problem(status, detail));
}
