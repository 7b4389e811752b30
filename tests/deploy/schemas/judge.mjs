// judge.mjs objects <OBJECTS.json   prints for each of these Kubernetes objects a list of what is wrong with it, by the published schemas
// judge.mjs hcl FILE…               prints what HashiCorp's own parser reads in these Terraform files, as {file: tree}
//
// Runs in the folder into which package.json's packages were installed. Unknown fields are found by TypeScript, which takes no field that a type has not;
// formats and what must be there also by the validators that come with the types.
import fs from 'node:fs';
import path from 'node:path';

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);

function packageOf(apiVersion) {
    return apiVersion.startsWith('monitoring.coreos.com/') ? '@kubernetes-models/prometheus-operator' : 'kubernetes-models';
}

// Each object becomes a file with one constant of its kind's type.
async function problemsOfTypes(objects) {
    const ts = (await import('typescript')).default;
    const options = { strict: true, noEmit: true, skipLibCheck: true, types: [], target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext,
                      moduleResolution: ts.ModuleResolutionKind.Bundler };
    const texts = new Map(objects.map((object, i) => [path.join(here, `object-${i}.ts`),
        `export const object: import("${packageOf(object.apiVersion)}/${object.apiVersion}/${object.kind}").I${object.kind} = ${JSON.stringify(object, null, 1)};\n`]));
    const host = ts.createCompilerHost(options);
    const read = host.getSourceFile;
    host.getSourceFile = (file, ...rest) => texts.has(file) ? ts.createSourceFile(file, texts.get(file), ts.ScriptTarget.ES2022, true) : read(file, ...rest);
    const problems = new Map([...texts.keys()].map(file => [file, []]));
    for (const each of ts.getPreEmitDiagnostics(ts.createProgram([...texts.keys()], options, host))) {
        const file = each.file?.fileName;
        const line = texts.has(file) ? texts.get(file).slice(each.start).split('\n')[0].trim() : '';
        (problems.get(file) ?? [...problems.values()][0]).push(`${ts.flattenDiagnosticMessageText(each.messageText, ' ')} [${line}]`);
    }
    return [...problems.values()];
}

async function problemOfValidator(object) {
    try {
        const kind = (await import(`${packageOf(object.apiVersion)}/${object.apiVersion}/${object.kind}`))[object.kind];
        new kind(object).validate();
    } catch (error) {
        return [error.message];
    }
    return [];
}

async function readHcl(files) {
    const module = await import('@cdktf/hcl2json');
    const parse = module.parse ?? module.default.parse;
    const trees = {};
    for (const file of files)
        trees[file] = await parse(file, fs.readFileSync(file, 'utf8'));
    return trees;
}

const [command, ...words] = process.argv.slice(2);
if (command === 'hcl') {
    try {
        console.log(JSON.stringify(await readHcl(words)));
    } catch (error) {
        console.error(error.message);
        process.exit(1);
    }
} else {
    const objects = JSON.parse(fs.readFileSync(0, 'utf8'));
    const problems = await problemsOfTypes(objects);
    for (const [i, object] of objects.entries())
        problems[i].push(...await problemOfValidator(object));
    console.log(JSON.stringify(problems));
}
