import { createRequire } from 'node:module';
import { existsSync, globSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join, sep } from 'node:path';

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/**
 * What is wrong with a folder that `pnpm deploy --prod` filled; empty if nothing is.
 *
 * @param folder the deployed folder.
 * @param workspace root of the workspace that it came from.
 */
export function problemsOfDeployedFolder(folder: string, workspace: string): string[] {
  const problems: string[] = [];
  const modules = join(folder, 'node_modules');

  const direct = readdirSync(modules)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) =>
      name.startsWith('@') ? readdirSync(join(modules, name)).map((own) => `${name}/${own}`) : [name],
    );
  const declared = Object.keys(readManifest(join(folder, 'package.json')).dependencies ?? {});
  if (direct.sort().join() !== declared.sort().join())
    problems.push(`its dependencies are ${declared.join(', ')}, but node_modules holds ${direct.join(', ')}`);

  const installed = installedPackages(folder);
  for (const name of developmentOnly(workspace))
    if (installed.includes(name)) problems.push(`${name} is for development and was deployed`);

  for (const file of ['dist/main.js', 'package.json'])
    if (!existsSync(join(folder, file))) problems.push(`${file} is missing`);
  for (const file of ['src', 'test', 'tsconfig.json'])
    if (existsSync(join(folder, file))) problems.push(`${file} is of no use there and was deployed`);

  const home = realpathSync(folder) + sep;
  for (const link of symbolicLinks(modules))
    if (!realpathSync(link).startsWith(home)) problems.push(`${link} leads out of the deployed folder`);

  problems.push(...problemsOfVendoredKafkajs(join(modules, '@clickstream', 'kafka-client')));
  return problems;
}

/** Names of all packages in the virtual store of a deployed folder. */
export function installedPackages(folder: string): string[] {
  const store = join(folder, 'node_modules', '.pnpm');
  const names = globSync(['*/node_modules/*', '*/node_modules/@*/*'], { cwd: store })
    .map((path) => path.split(`${sep}node_modules${sep}`)[1]?.replaceAll(sep, '/') ?? '')
    .filter((name) => !name.startsWith('.') && name.startsWith('@') === name.includes('/'));
  return [...new Set(names)];
}

/** Everything that some package of the workspace needs for development and none needs to run. */
function developmentOnly(workspace: string): string[] {
  const manifests = globSync(['package.json', '{apps,packages}/*/package.json'], { cwd: workspace }).map(
    (path) => readManifest(join(workspace, path)),
  );
  // local-kafka is itself a development dependency of the apps, and so is all that it needs.
  const running = new Set(
    globSync(['apps/*/package.json', 'packages/{schema,kafka-client}/package.json'], {
      cwd: workspace,
    }).flatMap((path) => Object.keys(readManifest(join(workspace, path)).dependencies ?? {})),
  );
  const developing = new Set(manifests.flatMap(({ devDependencies }) => Object.keys(devDependencies ?? {})));
  return [...developing].filter((name) => !running.has(name));
}

/** Node's own recursive readdir would walk through the links. */
function symbolicLinks(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isSymbolicLink()) return [path];
    return entry.isDirectory() ? symbolicLinks(path) : [];
  });
}

function problemsOfVendoredKafkajs(kafkaClient: string): string[] {
  const vendored = join(realpathSync(kafkaClient), 'dist', 'vendor', 'kafkajs');
  if (!existsSync(vendored)) return ['kafka-client came without its kafkajs'];
  const { clickstreamPatch } = createRequire(import.meta.url)(vendored) as { clickstreamPatch?: number };
  return [
    ...(clickstreamPatch === undefined ? ['the kafkajs in kafka-client is not the patched one'] : []),
    ...(existsSync(join(vendored, 'LICENSE')) ? [] : ['the licence of kafkajs is missing']),
  ];
}

function readManifest(path: string): Manifest {
  return JSON.parse(readFileSync(path, 'utf8')) as Manifest;
}
