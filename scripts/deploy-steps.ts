/** The apps that are deployed, by their folder in apps/. */
export const DEPLOYED_APPS = ['producer', 'aggregator', 'results-consumer'] as const;

/**
 * The commands that turn the workspace into one deployable app. Its Dockerfile runs them in its stages and
 * `deploy:check` in temporary folders; a test compares the two.
 */
export interface DeploySteps {
  /** At the root of the workspace: writes the app, its packages and its part of the lockfile to another folder. */
  readonly prune: string;
  /** In the pruned folder, which holds manifests only. */
  readonly install: string;
  /** In the pruned folder, with the sources laid over it. */
  readonly build: string;
  /** In the pruned folder; the folder to fill is appended. */
  readonly deploy: string;
  /** In the deployed folder. */
  readonly start: readonly [string, ...string[]];
}

/** The steps for one of {@link DEPLOYED_APPS}. */
export function deploySteps(app: string): DeploySteps {
  return {
    prune: `turbo prune @clickstream/${app} --docker`,
    install: 'pnpm install --frozen-lockfile',
    build: `pnpm exec turbo run build --filter=@clickstream/${app}`,
    deploy: `pnpm --filter @clickstream/${app} deploy --prod`,
    start: ['node', 'dist/main.js'],
  };
}
