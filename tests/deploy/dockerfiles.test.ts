import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Copy, DockerfileParser, From, type Cmd, type Instruction } from 'dockerfile-ast';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { DEPLOYED_APPS, deploySteps } from '../../scripts/deploy-steps.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const readJson = (path: string) => JSON.parse(read(path)) as Record<string, unknown>;

interface Stage {
  readonly name: string;
  readonly image: string;
  readonly instructions: readonly Instruction[];
  /** The commands with variables replaced, without build options such as cache mounts. */
  readonly commands: readonly string[];
}

function parseStages(app: string): readonly Stage[] {
  const stages: { name: string; image: string; instructions: Instruction[]; commands: string[] }[] = [];
  const everywhere = new Map<string, string>();
  // A stage sees only the arguments that it names itself, with the value given above the first FROM if it gives none.
  let visible = everywhere;
  for (const instruction of DockerfileParser.parse(read(`apps/${app}/Dockerfile`)).getInstructions()) {
    const text = instruction.getArgumentsContent() ?? '';
    if (instruction instanceof From) {
      visible = new Map();
      const image = expand(instruction.getImage() ?? '', everywhere);
      stages.push({ name: instruction.getBuildStage() ?? '', image, instructions: [], commands: [] });
      continue;
    }
    stages.at(-1)?.instructions.push(instruction);
    if (instruction.getKeyword() === 'ARG') {
      const [name = '', value = everywhere.get(name) ?? ''] = text.split('=');
      visible.set(name, value);
    }
    if (instruction.getKeyword() === 'RUN')
      stages.at(-1)?.commands.push(
        expand(text, visible)
          .replaceAll(/--mount=\S+/g, '')
          .replaceAll(/\\?\s+/g, ' ')
          .trim(),
      );
  }
  return stages;
}

const expand = (text: string, variables: ReadonlyMap<string, string>) =>
  text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => variables.get(name) ?? `<no value for ${name}>`);

describe.each(DEPLOYED_APPS)('apps/%s/Dockerfile', (app) => {
  const stages = parseStages(app);
  const runner = stages.at(-1);

  it('takes the steps that deploy:check takes', () => {
    const steps = deploySteps(app);
    expect(stages.flatMap(({ commands }) => commands).slice(1)).toEqual([
      steps.prune,
      steps.install,
      steps.build,
      `${steps.deploy} /deployed`,
    ]);
    const last = runner?.instructions.at(-1);
    expect(last?.getKeyword()).toBe('CMD');
    expect((last as Cmd).getJSONStrings().map((word) => word.getJSONValue())).toEqual(steps.start);
    expect(readJson(`apps/${app}/package.json`)['scripts']).toMatchObject({ start: steps.start.join(' ') });
  });

  it('takes files from earlier stages only, and into the last one the deployed folder alone', () => {
    const seen = new Set<string>();
    for (const { name, image, instructions } of stages) {
      for (const copy of instructions.filter((instruction) => instruction instanceof Copy)) {
        const from = copy.getFromFlag()?.getValue();
        if (from !== undefined) expect(seen).toContain(from);
      }
      expect(seen.has(image) || image.startsWith('node:')).toBe(true);
      expect(seen).not.toContain(name);
      seen.add(name);
    }
    expect([...seen]).toEqual(['tools', 'pruner', 'builder', 'runner']);
    const copies = runner?.instructions.filter((instruction) => instruction instanceof Copy) ?? [];
    expect(copies.map((copy) => [copy.getFromFlag()?.getValue(), copy.getArgumentsContent()])).toEqual([
      ['builder', '/deployed/ ./'],
    ]);
  });

  it('runs as a user who may change nothing', () => {
    const keywords = runner?.instructions.map((instruction) => instruction.getKeyword());
    // COPY before USER and without --chown: root owns the files.
    expect(keywords).toEqual(['ENV', 'WORKDIR', 'COPY', 'USER', 'CMD']);
    expect(runner?.instructions[3]?.getArgumentsContent()).toBe('node');
    expect(runner?.instructions[0]?.getArgumentsContent()).toBe('NODE_ENV=production');
  });

  it('has the versions of the workspace', () => {
    const { catalog } = parse(read('pnpm-workspace.yaml')) as { catalog: Record<string, string> };
    const turbo = createRequire(import.meta.url)(join(ROOT, 'node_modules/turbo/package.json')) as {
      version: string;
    };
    expect(runner?.image).toBe(`node:${catalog['node'] ?? ''}-slim`);
    expect(stages[0]?.image).toBe(runner?.image);
    expect(stages[0]?.commands).toEqual([
      `npm install --global ${String(readJson('package.json')['packageManager'])} turbo@${turbo.version}`,
    ]);
  });

  it('differs from the others in the name of the app only', () => {
    const nameless = (name: string) => read(`apps/${name}/Dockerfile`).replaceAll(name, 'APP_NAME');
    expect(nameless(app)).toBe(nameless(DEPLOYED_APPS[0]));
  });
});

describe('.dockerignore', () => {
  it('keeps out of images whatever git ignores, above all .env and installed packages', () => {
    const entries = (path: string) =>
      read(path)
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'));
    expect(entries('.dockerignore')).toEqual(
      expect.arrayContaining(entries('.gitignore').map((entry) => `**/${entry.replace(/\/$/, '')}`)),
    );
  });
});
