// Runs Jest as its own program does, with one more reporter, which its command line cannot add without dropping those of
// the configuration: it says in a journal how far each spec file came.
// Arguments: those of Jest.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { createRequire } = require('node:module');

const journal = process.env.PART_JOURNAL;
const say = (line) => journal && fs.appendFileSync(journal, `${JSON.stringify(line)}\n`);

class Journal {
  onTestFileStart(test) {
    say({ event: 'begin', spec: test.path, at: Date.now() });
  }

  // Before 29, Jest has this name for it.
  onTestStart(test) {
    this.onTestFileStart(test);
  }

  onTestCaseStart(test, info) {
    say({ event: 'test', spec: test.path, test: [...info.ancestorTitles, info.title].join(' > ') });
  }

  onTestFileResult(test, result) {
    const report = { testResults: [file(result)] };
    say({ event: 'end', spec: test.path, format: 'jest-json', report: JSON.stringify(report) });
  }

  onTestResult(test, result) {
    this.onTestFileResult(test, result);
  }

  getLastError() {}
}

// A file as Jest's `--json` writes it.
function file(result) {
  const broken = Boolean(result.testExecError);
  return {
    name: result.testFilePath,
    status: broken || result.numFailingTests > 0 ? 'failed' : 'passed',
    message: result.failureMessage ?? '',
    assertionResults: result.testResults ?? [],
  };
}

async function run(args) {
  const fromProject = createRequire(path.join(process.cwd(), '_'));
  const fromJest = createRequire(fromProject.resolve('jest/package.json'));
  const cliPath = fromJest.resolve('jest-cli');
  const fromCli = createRequire(cliPath);
  const cli = fromJest('jest-cli');
  const { readInitialOptions } = fromCli('jest-config');
  if (!cli.buildArgv || !readInitialOptions) {
    // Too old to be asked: then without a journal.
    return cli.run(args);
  }
  const core = fromCli('@jest/core');
  const argv = await cli.buildArgv(args);
  const where = { packageRootOrConfig: argv.rootDir, skipMultipleConfigError: true };
  const { config } = await readInitialOptions(argv.config, where);
  const own = argv.reporters ?? config.reporters ?? ['default'];
  argv.reporters = [...own, [__filename, {}]];
  const projects = argv.projects ?? [];
  if (projects.length === 0) projects.push(argv.rootDir ?? process.cwd());
  const { results, globalConfig } = await core.runCLI(argv, projects);
  const failed = results && !results.success;
  process.on('exit', () => {
    if (!process.exitCode && failed) process.exitCode = globalConfig.testFailureExitCode;
  });
  if (globalConfig.forceExit) process.exit(failed ? globalConfig.testFailureExitCode : 0);
}

module.exports = Journal;

if (require.main === module) {
  run(process.argv.slice(2)).catch((error) => {
    console.error(error?.stack ?? error);
    process.exit(1);
  });
}
